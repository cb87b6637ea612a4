// Elements, the timeline and the waveform; desk.js comes after it in the same module.

const TARGET = 26; // pixels of a mark, so that a finger finds it

function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child || child === 0));
  return element;
}

// The key that does the same; those who have no keyboard do not see it.
const key = (name) => h("span", { class: "key" }, ` (${name})`);
const badge = (text, kind) => h("span", { class: `badge ${kind ?? ""}` }, text);
const clock = (seconds) => `${seconds.toFixed(1)} s`;

// Sources or labels as lines over one span: where there was sound, and what was found.
class Timeline {
  constructor(pick) {
    this.pick = pick;
    this.element = h("div");
    this.resized = new ResizeObserver(() => this.drawMarks());
    this.resized.observe(this.element);
  }

  // With lists below it, it is as high from the first as it will be: it moves none of them.
  draw(timeline, labels, room) {
    this.data = timeline;
    this.labels = labels;
    const box = h("div", room ? { class: "timeline low", style: `--lines:${room}` } : { class: "timeline" });
    this.element.replaceChildren(...(timeline || room ? [h("h2", {}, timeline?.title ?? "…"), box] : []));
    if (!timeline) return;
    const place = (bucket) => `${(100 * bucket) / timeline.n}%`;
    const ticks = timeline.ticks.map(([bucket, text]) =>
      h("span", { style: `left:${place(bucket)}` }, text));
    const lines = timeline.rows.map((row) => {
      const sound = row.covered.map(([from, to]) =>
        h("i", { style: `left:${place(from)};width:${place(to - from)}` }));
      const marks = h("span", { class: "marks" });
      marks.row = row;
      return h("div", { class: "line" },
        h("button", { class: "name", onclick: () => this.pick({ source: row.source }),
          "aria-label": `${row.name}: ${row.words}` }, row.name),
        h("span", { class: timeline.hatched ? "strip hatched" : "strip" }, sound, marks), h("span", { class: "total" }, row.total));
    });
    box.append(...lines,
      h("div", { class: "line scale" }, h("span", { class: "name" }),
        h("span", { class: "strip ticks", "aria-hidden": "true" }, ticks),
        h("span", { class: "total" })),
      timeline.gaps ? h("p", { class: "gaps" }, timeline.gaps) : "");
    this.drawMarks();
  }

  // Marks that would touch each other are one, with the sum of their numbers.
  drawMarks() {
    for (const marks of this.element.querySelectorAll(".marks")) {
      const width = marks.clientWidth, { n } = this.data, groups = [];
      const left = (bucket) => Math.min((bucket * width) / n, width - TARGET + 2);
      if (!width || marks.width === width) continue;
      marks.width = width;
      for (const [bucket, label, count] of marks.row.marks) {
        const last = groups.at(-1);
        if (last && left(bucket) - left(last.from) < TARGET) {
          last.to = bucket + 1;
          last.counts[label] = (last.counts[label] ?? 0) + count;
        } else groups.push({ from: bucket, to: bucket + 1, counts: { [label]: count } });
      }
      marks.replaceChildren(...groups.map((group) => this.mark(marks.row, group)));
    }
  }

  mark(row, { from, to, counts }) {
    const found = this.labels.filter(({ name }) => counts[name]);
    const words = found.map(({ name, title }) => `${counts[name]} ${title}`).join(", ");
    const total = Object.values(counts).reduce((sum, count) => sum + count);
    const when = `${this.data.times[from]} to ${this.data.times[to]}`;
    return h("button", { class: `mark ${found[0].name}`, title: `${words}, ${when}`,
      "aria-label": `${row.name}, ${when}: ${words}`,
      style: `left:min(${(100 * from) / this.data.n}%, calc(100% - ${TARGET - 2}px))`,
      onclick: () => this.pick({ source: row.source, from, to }) },
    `${found[0].symbol}${total > 1 ? total : ""}`);
  }
}

function drawWave(wave) {
  const path = wave.map(([low, high], x) => `M${x} ${50 - high / 2}V${50 - low / 2 + 0.5}`).join("");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${wave.length} 100`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(svg.namespaceURI, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}
