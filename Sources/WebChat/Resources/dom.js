// Elements of the page. Text is always set as text.

/** An element with properties; `class`, `on…` handlers and attributes alike. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((part) => part !== null && part !== undefined && part !== false));
  return element;
}

const SHAPES = {
  add: "M12 5v14M5 12h14",
  back: "M15 5l-7 7 7 7",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l2 2H4zM10 21h4",
  check: "M4 12.5l5 5L20 6.5",
  clock: "M12 7v5l3 2M12 3a9 9 0 1 0 .01 0",
  close: "M6 6l12 12M18 6L6 18",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  out: "M14 4h5v16h-5M4 12h10M10 8l4 4-4 4",
  search: "M11 4a7 7 0 1 0 .01 0M16 16l4 4",
  send: "M4 12l16-8-6 16-3-7z",
  twice: "M2 12.5l5 5L18 6.5M12 16.5l1 1L23 6.5",
  warning: "M12 4l9 16H3zM12 10v4M12 17h.01",
};

/** A drawing that says nothing by itself. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

/** Words for people who do not see the page. */
export const hidden = (text) => h("span", { class: "visually-hidden" }, text);

/** A colour for each address, always the same (in the spirit of XEP-0392). */
function hue(text) {
  let sum = 7;
  for (const character of text) sum = (sum * 31 + character.codePointAt(0)) % 3600;
  return sum / 10;
}

/** A round picture with the first letter of a name. */
export function face(jid, name, show = null) {
  const letter = [...(name.trim() || jid)][0]?.toUpperCase() ?? "?";
  const element = h("span", { class: "face", "aria-hidden": "true" }, letter);
  element.style.setProperty("--hue", hue(jid));
  if (show) element.append(h("span", { class: `dot dot-${show}` }));
  return element;
}

/**
 * Makes the children of `parent` those of `rows`: `{ key, signature, make(), fill(element) }`. What is there already is
 * kept, and filled again when its signature is another one; the focus stays where it is.
 */
export function reconcile(parent, rows) {
  const before = parent.kept ?? new Map();
  const focused = document.activeElement;
  const kept = new Map();
  for (const row of rows) {
    let entry = before.get(row.key);
    if (!entry) {
      entry = { element: row.make(), signature: null };
    }
    if (entry.signature !== row.signature) {
      row.fill(entry.element);
      entry.signature = row.signature;
    }
    kept.set(row.key, entry);
  }
  for (const [key, entry] of before) if (!kept.has(key)) entry.element.remove();
  let place = parent.firstElementChild;
  for (const { element } of kept.values()) {
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  parent.kept = kept;
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus({ preventScroll: true });
}

const LINK = /https?:\/\/[^\s<>"'」』）】、。]+/g;

/** Text with its web addresses as links. */
export function linked(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    let address = match[0].replace(/[.,;:!?)\]}]+$/, "");
    // A bracket that belongs to the address stays in it.
    if (address.includes("(") && match[0][address.length] === ")") address += ")";
    parts.push(text.slice(end, match.index));
    parts.push(h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, address));
    end = match.index + address.length;
  }
  parts.push(text.slice(end));
  return parts;
}
