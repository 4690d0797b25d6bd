// The words of the page, in the user's language.

import { chosenLanguage } from "./memory.js";

let texts = {};
let language = "en";

/** The best of `languages` for this browser; the first one when it speaks none of them. */
export function bestLanguage(languages) {
  const wanted = [chosenLanguage(), ...navigator.languages].filter(Boolean);
  for (const tag of wanted) {
    const found = languages.find((one) => tag === one || tag.toLowerCase().split("-")[0] === one);
    if (found) return found;
  }
  return languages[0];
}

export async function loadTexts(chosen) {
  const answer = await fetch(`texts/${chosen}.json`);
  if (!answer.ok) throw new Error(`texts: ${answer.status}`);
  texts = await answer.json();
  language = chosen;
  document.documentElement.lang = chosen;
}

/** The text of a key, `{name}` replaced from `values`. */
export function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const has = (key) => key in texts;

const formats = new Map();
function format(kind, options) {
  const key = `${language} ${kind}`;
  // Times as the user's country writes them, where the browser knows it.
  const locale = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale, options));
  return formats.get(key);
}

const day = (time) => new Date(time).setHours(0, 0, 0, 0);

export const clock = (time) => format("clock", { hour: "numeric", minute: "2-digit" }).format(time);
export const moment = (time) => format("moment", { dateStyle: "full", timeStyle: "medium" }).format(time);

export function dayName(time) {
  const days = Math.round((day(Date.now()) - day(time)) / 86_400_000);
  if (days === 0) return t("today");
  if (days === 1) return t("yesterday");
  const isThisYear = new Date(time).getFullYear() === new Date().getFullYear();
  return isThisYear ? format("day", { weekday: "long", month: "long", day: "numeric" }).format(time)
    : format("year", { year: "numeric", month: "long", day: "numeric" }).format(time);
}

/** For a narrow column: the time today, else the day. */
export function shortTime(time) {
  const days = Math.round((day(Date.now()) - day(time)) / 86_400_000);
  if (days === 0) return clock(time);
  if (days === 1) return t("yesterday");
  return format("short", { year: "2-digit", month: "numeric", day: "numeric" }).format(time);
}

export const languageName = (tag) => new Intl.DisplayNames([tag], { type: "language" }).of(tag);
