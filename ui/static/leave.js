// Sign out of a provider such as Cognito, whose way out takes other parameters than OpenID's:
// Streamlit's own way ends there with an error, but its first step forgets who had signed in.
export default async function ({ data }) {
  await fetch("/auth/logout", { redirect: "manual" });
  window.location.assign(data);
}
