// One component: a timeline, lists of clips, and the opened clip with its player and spectrogram.
// ui/components/desk.py says what `data` holds and what `act` is given. Nothing is ever sorted
// here: rows stay where they are until Python sends others.

const desks = new WeakMap();

export default function ({ parentElement: root, data, setTriggerValue }) {
  let desk = desks.get(root);
  if (!desk) desks.set(root, (desk = new Desk(root)));
  desk.act = (what) => setTriggerValue("act", what);
  desk.draw(data);
  // Streamlit ends a call that another has overtaken, too: then the page is still there.
  return () => setTimeout(() => root.host?.isConnected || desk.end());
}

class Desk {
  constructor(root) {
    this.root = root;
    this.above = h("div");
    this.lists = h("div");
    this.timeline = new Timeline((what) => {
      this.act({ do: "pick", ...what });
      root.host.scrollIntoView(); // what is found is shown there
    });
    this.panel = h("section", { class: "clip", "aria-label": "Opened clip" });
    this.said = h("p", { class: "said", role: "status" });
    root.append(h("div", { class: "desk" }, this.said, this.above, this.timeline.element, this.lists));
    this.rows = new Map();
    this.drawn = {};
    this.chosen = new Set();
    this.pressed = (event) => this.press(event);
    document.addEventListener("keydown", this.pressed);
  }

  end() {
    document.removeEventListener("keydown", this.pressed);
    this.timeline.resized.disconnect();
    this.audio?.pause();
    desks.delete(this.root);
  }

  // ---- What Python sends -------------------------------------------------------------------

  draw(data) {
    this.data = data;
    this.order = data.groups.flatMap((group) => group.rows.map((row) => row.id));
    for (const id of this.chosen) if (!this.order.includes(id)) this.chosen.delete(id);
    if (this.changed("timeline", [data.timeline, data.room])) this.timeline.draw(data.timeline, data.labels, data.room);
    if (this.changed("lists", [data.groups, data.may, data.bulk])) this.drawLists();
    for (const item of this.rows.values()) item.classList.remove("busy");
    this.said.replaceChildren(data.said, data.undo
      ? h("button", { onclick: () => this.act({ do: "undo" }) }, "Undo", key("U")) : "");
    this.drawClip(data.clip);
  }

  changed(name, value) {
    const text = JSON.stringify(value ?? null);
    const differs = this.drawn[name] !== text;
    this.drawn[name] = text;
    return differs;
  }

  drawLists() {
    const focused = this.root.activeElement, id = focused?.closest("li")?.dataset.clip;
    const place = (above) =>
      this.data.groups.filter((group) => group.above === above).map((group) => this.list(group));
    this.above.replaceChildren(...place(true));
    this.lists.replaceChildren(this.data.advance ? this.jumps() : "", ...place(false));
    if (!id) return;
    const next = focused.isConnected ? focused : this.rows.get(id)?.querySelector(".open");
    next?.focus({ preventScroll: true });
  }

  // A queue of several lists is long: a way to each of them.
  jumps() {
    return h("nav", { class: "jumps", "aria-label": "Lists" }, this.data.groups.map((group) =>
      h("button", { onclick: () => this.root.querySelector(`[data-group="${group.id}"]`).scrollIntoView() },
        `${group.title}: ${group.pending ? "…" : group.rows.length}${group.more ? " and more" : ""}`)));
  }

  list(group) {
    const rows = group.rows.map((row) => this.row(row));
    const bulk = h("div", { class: "bulk", role: "group", "aria-label": "Selected clips" });
    bulk.rows = group.rows;
    const more = group.more && h("button", { class: "more", onclick: (event) => {
      event.target.textContent = "…";
      this.act({ do: "more", group: group.id });
    } }, group.more);
    const list = h("section", { class: "group", "data-group": group.id },
      h("h2", {}, group.title), group.note && h("p", { class: "note" }, group.note), bulk,
      rows.length ? h("ul", {}, rows) : h("p", { class: "empty" }, group.empty), more);
    this.drawBulk(bulk);
    return list;
  }

  row(row) {
    const text = JSON.stringify([row, this.data.may, this.data.bulk]);
    const known = this.rows.get(row.id);
    if (known?.text === text) return known;
    const open = () => this.open(row.id);
    const item = h("li", { "data-clip": row.id, class: row.checked ? "done" : "", onclick: (event) =>
      event.target.closest("button, input, label, .clip") || open() },
    this.data.bulk && !row.rejected && h("label", { class: "pick" }, h("input", { type: "checkbox",
      "aria-label": `Select ${row.words}`, onchange: (event) => this.choose(row.id, event.target) })),
    h("button", { class: "open", onclick: open, "aria-label": `Play ${row.words}` }, "▶"),
    row.thumb ? h("img", { class: "thumb", src: row.thumb, alt: "" })
      : row.thumb === "" && h("span", { class: "thumb" }),
    h("span", { class: `label ${row.label}` }, row.title),
    h("span", { class: "when" }, row.time), h("span", { class: "source" }, row.source),
    badge(row.sure, row.kind), row.notes.map((note) => badge(note)),
    row.checked ? badge(row.checked, "checked")
      : this.data.may && !row.rejected && h("span", { class: "ask" },
        h("button", { onclick: () => this.say([row.id], row.label), "aria-label": `Yes, ${row.words}` },
          "Yes"),
        h("button", { onclick: () => this.no(row), "aria-label": `No, not ${row.words}` }, "No")));
    item.text = text;
    if (known?.contains(this.panel)) item.append(this.panel);
    const box = item.querySelector("input");
    if (box) box.checked = this.chosen.has(row.id);
    this.rows.set(row.id, item);
    return item;
  }

  // ---- The opened clip ---------------------------------------------------------------------

  drawClip(clip) {
    const item = clip && this.rows.get(clip.id);
    for (const other of this.rows.values()) other.classList.toggle("opened", other === item);
    if (!item) {
      this.audio?.pause();
      this.panel.remove();
      this.drawn.clip = undefined;
      return;
    }
    if (this.panel.parentElement !== item) item.append(this.panel);
    const sounds = this.changed("sound", [clip.id, clip.src, clip.events]);
    if (!this.changed("clip", [clip, this.data.may]) && !sounds) return;
    if (sounds) {
      this.audio?.pause();
      this.sound = this.drawSound(clip);
    }
    this.panel.replaceChildren(h("h3", {}, h("span", { class: `label ${clip.label}` }, clip.title),
      ` ${clip.headline}`), ...clip.warnings.map((text) => h("p", { class: "note" }, text)),
    this.sound, this.drawAsk(clip), ...clip.mutes.map((mute) => h("p", { class: "note" }, mute.words,
      this.data.may && h("button", { onclick: () => this.act({ do: "unmute", id: mute.id }) }, "Unmute"))),
    h("dl", {}, clip.facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
    if (sounds) {
      item.scrollIntoView({ block: "nearest" });
      if (this.audio) this.play(clip.at);
    }
  }

  drawSound(clip) {
    this.audio = null;
    if (!clip.picture) return h("p", { class: "note" }, clip.silent);
    const { duration, image, wave } = clip.picture, place = (s) => `${(100 * s) / duration}%`;
    const head = h("i", { class: "head" }), now = h("output", {}, clock(0));
    const button = h("button", { class: "play", onclick: () => this.toggle() }, "▶ Play");
    const events = clip.events.map((event) => h("button", { class: `event ${event.label}`,
      style: `left:${place(event.start)};width:${place(event.end - event.start)}`,
      "aria-label": `Play ${event.words}`, title: event.words, onclick: (click) => {
        click.stopPropagation();
        this.play(event.start);
      } }, event.title));
    const picture = h("div", { class: "picture", onclick: (event) => {
      const box = picture.getBoundingClientRect();
      this.play(((event.clientX - box.left) / box.width) * duration);
    } }, h("div", { class: "events" }, events), drawWave(wave),
    h("img", { src: image, alt: clip.picture.words }),
    clip.events.map((event) => h("i", { class: `stretch ${event.label}`,
      style: `left:${place(event.start)};width:${place(event.end - event.start)}` })), head);
    if (!clip.src) return h("div", { class: "sound" }, picture, h("p", { class: "note" }, clip.silent));
    const audio = (this.audio = h("audio", { src: clip.src, preload: "auto",
      "aria-label": "The recording" }));
    const show = () => {
      head.style.left = place(Math.min(audio.currentTime, duration));
      now.textContent = `${audio.currentTime.toFixed(1)} of ${clock(duration)}`;
      if (!audio.paused && audio.isConnected) requestAnimationFrame(show);
    };
    audio.onseeked = audio.onloadedmetadata = show;
    audio.onplay = () => ((button.textContent = "❚❚ Pause"), show());
    audio.onpause = () => ((button.textContent = "▶ Play"), show());
    const step = (by, words, by_key) => h("button", { onclick: () => this.move(by) }, words, key(by_key));
    return h("div", { class: "sound" }, picture, h("div", { class: "controls" }, button, now, audio,
      step(-1, "Previous", "K"), step(1, "Next", "J"),
      h("button", { onclick: () => this.act({ do: "close" }) }, "Close", key("Esc"))));
  }

  drawAsk(clip) {
    if (!this.data.may || !clip.may) return "";
    const comment = h("input", { type: "text", maxlength: 1000, placeholder: "Comment (optional)",
      "aria-label": "Comment" });
    const alike = h("input", { type: "checkbox" });
    const said = (label) => this.say([clip.id], label, { comment: comment.value,
      mute: label === "casual" && alike.checked });
    const labels = this.data.labels.toSorted((a, b) => a.key - b.key).map(({ name, title, key: number }) =>
      h("button", { class: clip.verified === name ? "given" : "", onclick: () => said(name),
        "aria-label": name === clip.label ? `Confirm: ${title}` : `Correct to ${title}` },
      title, key(name === clip.label ? "Y" : number)));
    return h("div", { class: "question", role: "group", "aria-label": "Feedback" },
      h("strong", {}, "What is it?"), labels,
      clip.label !== "casual" && h("label", {}, alike, " No alert for what sounds like it", key("M")), comment);
  }

  play(at) {
    if (!this.audio) return;
    this.audio.currentTime = at;
    this.audio.play().catch(() => {}); // a browser may want a click first
  }

  toggle() {
    if (this.audio?.paused) this.audio.ended ? this.play(this.data.clip.at) : this.audio.play();
    else this.audio?.pause();
  }

  // ---- What people do ----------------------------------------------------------------------

  open(id) {
    if (this.data.clip?.id === id) return this.toggle();
    this.rows.get(id)?.classList.add("opened");
    this.act({ do: "open", id });
  }

  move(by) {
    const at = this.order.indexOf(this.data.clip?.id);
    const id = this.order[at < 0 ? 0 : at + by];
    if (id) this.open(id);
    this.rows.get(id)?.querySelector(".open").focus({ preventScroll: true });
  }

  say(ids, label, more = {}) {
    for (const id of ids) this.rows.get(id)?.classList.add("busy");
    this.chosen.clear();
    const then = this.data.advance && ids.length === 1 && this.order[this.order.indexOf(ids[0]) + 1];
    this.act({ do: "label", ids, label, ...more, ...(then ? { then } : {}) });
  }

  // That a threat is none says what it is; that a casual clip is a threat does not.
  no(row) {
    if (row.label === "casual") this.open(row.id);
    else this.say([row.id], "casual");
  }

  choose(id, box) {
    box.checked ? this.chosen.add(id) : this.chosen.delete(id);
    for (const bulk of this.root.querySelectorAll(".bulk")) this.drawBulk(bulk);
  }

  drawBulk(bulk) {
    const ids = bulk.rows.map((row) => row.id).filter((id) => this.chosen.has(id));
    const open = bulk.rows.filter((row) => !row.rejected && !row.checked);
    const choose = (rows) => {
      for (const { id } of bulk.rows) this.chosen.delete(id);
      for (const { id } of rows) this.chosen.add(id);
      for (const row of bulk.rows) {
        const box = this.rows.get(row.id)?.querySelector(".pick input");
        if (box) box.checked = this.chosen.has(row.id);
      }
      this.drawBulk(bulk);
    };
    const confirm = () => this.act({ do: "confirm", ids });
    if (!ids.length) bulk.replaceChildren(this.data.bulk && this.data.may && open.length > 1
      ? h("button", { onclick: () => choose(open) }, `Select these ${open.length}`) : "");
    else bulk.replaceChildren(h("strong", {}, `${ids.length} selected`),
      h("button", { onclick: () => (this.chosen.clear(), confirm()) }, "Confirm their labels"),
      h("span", {}, "or correct all to"),
      ...this.data.labels.map(({ name, title }) =>
        h("button", { onclick: () => this.say(ids, name) }, title)),
      h("button", { onclick: () => this.say(ids, "casual", { mute: true }) },
        "Casual, and no alert for what sounds like them"),
      h("button", { onclick: () => choose([]) }, "Select none"));
  }

  press(event) {
    const at = event.composedPath()[0], key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey || event.altKey || !this.data) return;
    if (at.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], [role=dialog]")) return;
    const row = this.data.groups.flatMap((group) => group.rows)
      .find(({ id }) => id === this.data.clip?.id);
    const label = this.data.labels.find((one) => String(one.key) === key);
    if (key === "j" || key === "k") this.move(key === "j" ? 1 : -1);
    else if (key === " " && row && (!at.closest?.("button, a, summary, input") || at.matches(".open, .play")))
      this.toggle();
    else if (key === "u" && this.data.undo) this.act({ do: "undo" });
    else if (key === "escape" && row) this.act({ do: "close" });
    else if (!row || row.rejected || !this.data.may) return;
    // A key that comes before the next clip does is not meant for the one that has its label.
    else if (this.rows.get(row.id)?.classList.contains("busy")) event.preventDefault();
    else if (key === "y") this.say([row.id], row.label);
    else if (key === "n") this.no(row);
    else if (key === "m" && row.label !== "casual") this.say([row.id], "casual", { mute: true });
    else if (label) this.say([row.id], label.name);
    else return;
    event.preventDefault();
  }
}
