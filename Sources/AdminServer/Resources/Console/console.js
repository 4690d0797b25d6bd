// The live parts of the console. Every page works without it.
"use strict";

const language = document.documentElement.lang || "en";

// Instants arrive as UTC; people read the time of their own place.
const instants = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
function localise(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
        const instant = new Date(time.dateTime);
        if (!Number.isNaN(instant.valueOf())) {
            time.title = time.dateTime;
            time.textContent = instants.format(instant);
        }
    }
}
localise(document);

// Menus close with Escape and with a click elsewhere.
const menus = document.querySelectorAll("details.menu");
document.addEventListener("click", (event) => {
    for (const menu of menus) {
        if (!menu.contains(event.target)) menu.open = false;
    }
});
document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
        for (const menu of menus) {
            if (menu.open) {
                menu.open = false;
                menu.querySelector("summary").focus();
            }
        }
    }
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        const find = document.getElementById("find");
        if (find) {
            event.preventDefault();
            find.focus();
            find.select();
        }
    }
});

// A box "no limit" beside a number.
for (const box of document.querySelectorAll("[data-limitless]")) {
    const number = document.getElementById(box.dataset.limitless);
    const follow = () => { number.disabled = box.checked || box.disabled; };
    box.addEventListener("change", follow);
    box.form.addEventListener("reset", () => setTimeout(follow));
    follow();
}

// A text field that is filled from a file of this computer.
for (const input of document.querySelectorAll("input[data-into]")) {
    input.parentElement.hidden = false;
    input.addEventListener("change", async () => {
        const [file] = input.files;
        if (file) document.getElementById(input.dataset.into).value = await file.text();
    });
}

// How many settings differ from what the page came with.
for (const form of document.querySelectorAll("form[data-settings]")) {
    const told = form.querySelector("[data-unsaved]");
    if (!told) continue;
    const differs = (control) => {
        if (control.disabled && !control.dataset.limitless) return false;
        if (control.type === "checkbox") return control.checked !== control.defaultChecked;
        if (control.tagName === "SELECT") {
            return [...control.options].some((option) => option.selected !== option.defaultSelected);
        }
        return control.value !== control.defaultValue;
    };
    const count = () => {
        let changed = 0;
        for (const setting of form.querySelectorAll(".setting")) {
            const controls = setting.querySelectorAll(".control :is(input:not([type=hidden]), select, textarea)");
            if ([...controls].some(differs)) changed += 1;
        }
        const text = changed === 0 ? form.dataset.changedNone
            : changed === 1 ? form.dataset.changedOne : form.dataset.changedMany;
        told.textContent = text.replace("{count}", changed);
        return changed;
    };
    form.addEventListener("input", count);
    form.addEventListener("reset", () => setTimeout(count));
    let sent = false;
    form.addEventListener("submit", () => { sent = true; });
    window.addEventListener("beforeunload", (event) => {
        if (!sent && count() > 0) event.preventDefault();
    });
    count();
}

// The dashboard asks again every two seconds while it is visible.
const figures = document.querySelector("[data-poll]");
if (figures) {
    const live = document.querySelector("[data-live]");
    const show = (state) => {
        if (live.dataset.state === state) return;
        live.dataset.state = state;
        live.firstElementChild.textContent = state === "lost" ? live.dataset.lost : live.dataset.on;
    };
    const ask = async () => {
        if (document.hidden) return;
        try {
            const answer = await fetch(figures.dataset.poll, { credentials: "same-origin", cache: "no-store" });
            if (answer.status === 401 || answer.redirected) return location.reload();
            if (!answer.ok) throw new Error(String(answer.status));
            for (const figure of await answer.json()) {
                const place = figures.querySelector(`[data-figure="${figure.id}"]`);
                if (!place) continue;
                place.querySelector("[data-value]").textContent = figure.value;
                place.querySelector("[data-note]").textContent = figure.note;
                place.querySelector(".line").setAttribute("d", figure.line);
                place.querySelector(".area").setAttribute("d", figure.area);
            }
            show("on");
        } catch {
            show("lost");
        }
    };
    setInterval(ask, 2000);
    ask();
}

// A trace asks for what has passed since.
const trace = document.querySelector("[data-trace]");
if (trace) {
    const live = document.querySelector("[data-live]");
    const add = (event) => {
        const line = document.createElement("li");
        const time = document.createElement("time");
        time.dateTime = event.at;
        const direction = document.createElement("span");
        direction.textContent = event.direction;
        const text = document.createElement("span");
        text.className = "text";
        text.append(event.client, document.createElement("br"), event.stanza);
        line.append(time, direction, text);
        localise(line);
        trace.append(line);
        while (trace.children.length > 1000) trace.firstElementChild.remove();
    };
    const timer = setInterval(async () => {
        try {
            const answer = await fetch(`${trace.dataset.trace}?after=${trace.dataset.next}`, { cache: "no-store" });
            if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
            const found = await answer.json();
            const atEnd = trace.scrollHeight - trace.scrollTop - trace.clientHeight < 40;
            found.events.forEach(add);
            trace.dataset.next = found.next;
            if (atEnd) trace.scrollTop = trace.scrollHeight;
            live.dataset.state = "on";
        } catch {
            live.dataset.state = "lost";
            live.firstElementChild.textContent = live.dataset.lost;
            clearInterval(timer);
        }
    }, 1000);
}
