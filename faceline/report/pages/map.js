"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
const COUNT = DATA.places.length;
const GREY = "#9e9e9e", EDGE = 0.05, NEAR = 24;
const byId = (id) => document.getElementById(id);
const canvas = byId("map"), pen = canvas.getContext("2d");
const pictures = new Array(COUNT).fill(null);
let width = 0, height = 0, zoom = 1, left = 0, top_ = 0;   // the view: scale, and what it is moved by, in pixels
let current = -1, found = null, waiting = false;

/* ---- where things are ---- */

const side = () => Math.min(width, height);
const base = () => [(width - side()) / 2, (height - side()) / 2];
function at([x, y]) {
  const [right, down] = base();
  return [(right + (EDGE + x * (1 - 2 * EDGE)) * side()) * zoom + left, (down + (1 - EDGE - y * (1 - 2 * EDGE)) * side()) * zoom + top_];
}
function nearest(x, y, most) {
  let best = -1, least = most * most;
  for (let i = 0; i < COUNT; i++) {
    const [a, b] = at(DATA.places[i]);
    const square = (a - x) ** 2 + (b - y) ** 2;
    if (square < least) { least = square; best = i; }
  }
  return best;
}
function towards(right, down) {
  const [x, y] = at(DATA.places[current]);
  let best = current, least = Infinity;
  for (let i = 0; i < COUNT; i++) {
    const [a, b] = at(DATA.places[i]);
    const along = (a - x) * right + (b - y) * down, across = Math.abs((a - x) * down) + Math.abs((b - y) * right);
    const cost = along + 2 * across;
    if (i !== current && along > 0 && across <= 2 * along && cost < least) { least = cost; best = i; }
  }
  return best;
}

/* ---- drawing ---- */

function picture(i) {
  if (!DATA.thumbs[i]) return null;
  if (pictures[i] === null) {
    pictures[i] = new Image();
    pictures[i].onload = later;
    pictures[i].src = "data:image/jpeg;base64," + DATA.thumbs[i];
  }
  return pictures[i].complete ? pictures[i] : null;
}
function later() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
}
const colour = (i) => DATA.group[i] < 0 ? GREY : DATA.colours[DATA.group[i]];
function draw() {
  const style = getComputedStyle(document.documentElement);
  const ratio = devicePixelRatio || 1;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const radius = Math.max(2, Math.min(7, 120 / Math.sqrt(COUNT))) * Math.min(2, Math.sqrt(zoom));
  const edge = Math.max(14, Math.min(80, 0.75 * side() * zoom / Math.sqrt(COUNT)));
  const order = [...Array(COUNT).keys()].filter((i) => i !== current);
  if (current >= 0) order.push(current);
  for (const i of order) {
    const [x, y] = at(DATA.places[i]);
    if (x < -edge || y < -edge || x > width + edge || y > height + edge) continue;
    pen.globalAlpha = found && !found.has(i) ? 0.12 : 1;
    pen.fillStyle = colour(i);
    const face = byId("faces").checked ? picture(i) : null;
    if (face) {
      pen.fillRect(x - edge / 2 - 2, y - edge / 2 - 2, edge + 4, edge + 4);
      pen.drawImage(face, x - edge / 2, y - edge / 2, edge, edge);
    } else {
      pen.beginPath();
      pen.arc(x, y, i === current ? radius + 2 : radius, 0, 7);
      pen.fill();
    }
    if (i === current) {
      const half = face ? edge / 2 + 4 : radius + 5;
      pen.strokeStyle = style.getPropertyValue("--mark");
      pen.lineWidth = 3;
      pen.strokeRect(x - half, y - half, 2 * half, 2 * half);
    }
  }
  pen.globalAlpha = 1;
  labels(style);
}
function labels(style) {
  const taken = [];
  pen.font = "13px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  DATA.middles.forEach((place, group) => {
    if (zoom === 1 && group >= DATA.labels) return;
    const name = DATA.groups[group];
    const text = name.length > 30 ? name.slice(0, 29) + "…" : name;
    const [x, below] = at(place), y = below - 22, half = pen.measureText(text).width / 2 + 4;
    if (x < 0 || below < 0 || x > width || y > height) return;
    const box = [x - half, y - 10, x + half, y + 10];
    if (taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) return;
    taken.push(box);
    pen.globalAlpha = 0.8;
    pen.fillStyle = style.getPropertyValue("--paper");
    pen.fillRect(box[0], box[1], 2 * half, 20);
    pen.globalAlpha = 1;
    pen.fillStyle = style.getPropertyValue("--ink");
    pen.fillText(text, x, y);
  });
}
function resize() {
  const before = [width, height], box = canvas.getBoundingClientRect(), ratio = devicePixelRatio || 1;
  [width, height] = [box.width, box.height];
  if (before[0] === width && before[1] === height) return;
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  draw();
}

/* ---- what is looked at ---- */

function show(i) {
  if (i === current) return;
  current = i;
  byId("card").hidden = i < 0;
  if (i >= 0) {
    const group = DATA.group[i] < 0 ? "" : DATA.groups[DATA.group[i]];
    const person = DATA.people[i] || "nobody's";
    byId("said").textContent = [person, ...(group && group !== person ? [group] : []), DATA.crops[i]].join("\n");
    byId("face").hidden = !DATA.thumbs[i];
    if (DATA.thumbs[i]) byId("face").src = "data:image/jpeg;base64," + DATA.thumbs[i];
    byId("face").alt = person;
  }
  later();
}
function reveal() {
  const [x, y] = at(DATA.places[current]);
  if (x < 20 || x > width - 20) left += width / 2 - x;
  if (y < 20 || y > height - 20) top_ += height / 2 - y;
}
function closer(factor, x = width / 2, y = height / 2) {
  const next = Math.max(1, Math.min(60, zoom * factor));
  left = x - (x - left) * next / zoom;
  top_ = y - (y - top_) * next / zoom;
  zoom = next;
  if (zoom === 1) left = top_ = 0;
  later();
}
function along(step) {
  if (current < 0) return 0;
  const own = [...Array(COUNT).keys()].filter((i) => DATA.group[i] === DATA.group[current]);
  return own[(own.indexOf(current) + step + own.length) % own.length];
}
function filter() {
  const text = byId("filter").value.trim().toLowerCase();
  const fits = (i) => [DATA.people[i], DATA.crops[i], DATA.groups[DATA.group[i]] || ""].some((each) => each.toLowerCase().includes(text));
  found = text ? new Set([...Array(COUNT).keys()].filter(fits)) : null;
  if (found && found.size) { show(found.values().next().value); reveal(); }
  later();
}

/* ---- keys and pointer ---- */

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === byId("filter")) {
    if (event.key === "Enter" || event.key === "Escape") canvas.focus();
    return;
  }
  if (ARROWS[event.key]) show(current < 0 ? nearest(width / 2, height / 2, Infinity) : towards(...ARROWS[event.key]));
  else if (event.key === "n" || event.key === "p") show(along(event.key === "n" ? 1 : -1));
  else if (event.key === "+" || event.key === "=") closer(1.4, ...(current < 0 ? [] : at(DATA.places[current])));
  else if (event.key === "-") closer(1 / 1.4);
  else if (event.key === "0") closer(0);
  else if (event.key === "/") byId("filter").focus();
  else if (event.key === "Escape") show(-1);
  else return;
  event.preventDefault();
  if (current >= 0) reveal();
  later();
});
const fingers = new Map();   // where each pointer is that is down
canvas.addEventListener("pointerdown", (event) => {
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  canvas.setPointerCapture(event.pointerId);
});
for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));
canvas.addEventListener("pointermove", (event) => {
  const box = canvas.getBoundingClientRect(), [x, y] = [event.clientX, event.clientY];
  const before = fingers.get(event.pointerId);
  if (before) {
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    const share = other ? 2 : 1;   // of two fingers, each moves the map half-way
    [left, top_] = [left + (x - before[0]) / share, top_ + (y - before[1]) / share];
    if (other) {
      const far = ([a, b]) => Math.max(1, Math.hypot(a - other[0], b - other[1]));
      closer(far([x, y]) / far(before), (x + other[0]) / 2 - box.left, (y + other[1]) / 2 - box.top);
    }
    fingers.set(event.pointerId, [x, y]);
    later();
    if (other) return;
  }
  const near = nearest(x - box.left, y - box.top, NEAR);
  if (near >= 0) show(near);
});
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const box = canvas.getBoundingClientRect();
  closer(event.deltaY < 0 ? 1.2 : 1 / 1.2, event.clientX - box.left, event.clientY - box.top);
}, { passive: false });
byId("filter").addEventListener("input", filter);
byId("faces").addEventListener("change", later);
byId("in").addEventListener("click", () => closer(1.4));
byId("out").addEventListener("click", () => closer(1 / 1.4));
byId("all").addEventListener("click", () => closer(0));
byId("faces").checked = DATA.faces;
byId("faces-label").hidden = !DATA.thumbs.some(Boolean);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
new ResizeObserver(resize).observe(canvas);
resize();
