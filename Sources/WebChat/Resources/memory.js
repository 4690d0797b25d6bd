// What this browser remembers between visits: never a password, never a message.

const LOGIN = "roost.login";
const LANGUAGE = "roost.language";
const READ = "roost.read.";
const CONTACTS_REMEMBERED = 500;

function load(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

function store(key, value) {
  try {
    if (value === null) localStorage.removeItem(key); else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing: everything works, only not the next time.
  }
}

/** `{ user, domain, client, token: { text, expiry } }`, or null. */
export function rememberedLogin() {
  const login = load(LOGIN);
  if (!login?.token?.text || !login.user || !login.domain) return null;
  return Date.parse(login.token.expiry) > Date.now() ? login : null;
}

export const rememberLogin = (login) => store(LOGIN, login);
export const forgetLogin = () => store(LOGIN, null);

export const chosenLanguage = () => load(LANGUAGE);
export const chooseLanguage = (language) => store(LANGUAGE, language);

/** Until when (milliseconds) the messages of each contact were read. */
export class ReadMarks {
  constructor(account, keeps) {
    this.key = READ + account;
    this.keeps = keeps;
    this.marks = (keeps && load(this.key)) || {};
    this.isFirstVisit = Object.keys(this.marks).length === 0;
  }

  of(contact) { return this.marks[contact] ?? 0; }

  set(contact, time) {
    if (!(time > this.of(contact))) return;
    this.marks[contact] = time;
    const latest = Object.entries(this.marks).sort((one, other) => other[1] - one[1]);
    if (latest.length > CONTACTS_REMEMBERED) this.marks = Object.fromEntries(latest.slice(0, CONTACTS_REMEMBERED));
    if (this.keeps) store(this.key, this.marks);
  }

  forget() { store(this.key, null); }
}
