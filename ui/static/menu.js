// On a telephone the menu lies over the page: it closes once a page was chosen.
export default function () {
  if (window.earshotMenu) return;
  window.earshotMenu = true;
  document.addEventListener("click", (event) => {
    if (window.innerWidth > 768 || !event.target.closest?.('[data-testid="stSidebar"] [data-testid="stPageLink-NavLink"]')) return;
    document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
  });
}
