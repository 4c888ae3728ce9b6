// The language coach under every <textarea data-coach="team|customers">. It proposes and never stops anybody:
// whatever goes wrong here, the form stays as it is. It listens on the document, for rows that are added later.
"use strict";

(() => {
    const IDLE = 1500, SHOWN = 20, LONGEST = 90000;
    const ADDRESS = "/admin/coach/";
    const fields = new WeakMap();

    // Places count characters; a text field counts halves of those beyond the first 65,536.
    function halves(text) {
        if (!/[\ud800-\udfff]/.test(text)) return (place) => place;
        const places = [0];
        for (const sign of text) places.push(places[places.length - 1] + sign.length);
        return (place) => places[place];
    }

    function make(name, text, className) {
        const node = document.createElement(name);
        if (text) node.textContent = text;
        if (className) node.className = className;
        return node;
    }

    function listed(field, text, mark, place) {
        const line = make("li"), head = make("p"), button = make("button", `“${mark.text.replace(/\s+/g, " ")}”`);
        button.type = "button";
        button.title = "Select these words";
        button.addEventListener("click", () => {
            if (field.value !== text) return look(field); // written on since: the places are no longer right
            field.focus();
            field.setSelectionRange(place(mark.start), place(mark.end));
        });
        head.append(button, " ", make("span", mark.about, "coach-about"));
        const why = make("details");
        why.append(make("summary", "Why?"), make("p", mark.why));
        line.append(head, make("p", mark.instead, "coach-instead"), why);
        return line;
    }

    function show(field, text, marks) {
        const { list, said } = fields.get(field);
        const place = halves(text);
        list.replaceChildren(...marks.slice(0, SHOWN).map((mark) => listed(field, text, mark, place)));
        list.hidden = !marks.length;
        const more = marks.length > SHOWN ? ` The first ${SHOWN} are shown.` : "";
        const words = marks.length === 1 ? "1 wording" : `${marks.length} wordings`;
        const now = marks.length ? `Language coach: ${words} to look at; it is up to you.${more}` : "";
        if (said.textContent !== now) said.textContent = now;
    }

    async function look(field) {
        const text = field.value, about = fields.get(field);
        if (text === about.looked) return;
        about.looked = text;
        if (!text.trim() || text.length > LONGEST) return show(field, text, []);
        const token = field.form && field.form.querySelector("[name=csrfmiddlewaretoken]");
        if (!token) return;
        try {
            const answer = await fetch(ADDRESS, {
                method: "POST", credentials: "same-origin", redirect: "error",
                headers: { "Content-Type": "application/json", "X-CSRFToken": token.value },
                body: JSON.stringify({ text, audience: field.dataset.coach }),
            });
            const marks = answer.ok ? (await answer.json()).marks : [];
            if (field.value === text) show(field, text, marks);
        } catch (error) {
            about.looked = null; // the site does not answer: asked again with the next letter
        }
    }

    function begin(field) {
        if (fields.has(field)) return fields.get(field);
        const said = make("p", "", "coach-said"), list = make("ul", "", "coach-marks");
        said.setAttribute("role", "status");
        said.setAttribute("aria-live", "polite");
        list.hidden = true;
        list.setAttribute("aria-label", "What the language coach marks");
        field.after(said, list);
        fields.set(field, { said, list, looked: null, timer: 0 });
        return fields.get(field);
    }

    function soon(event, wait) {
        const field = event.target;
        if (!(field instanceof HTMLTextAreaElement) || !field.dataset.coach) return;
        const about = begin(field);
        clearTimeout(about.timer);
        about.timer = setTimeout(() => look(field), wait);
    }

    document.addEventListener("input", (event) => soon(event, IDLE));
    document.addEventListener("focusin", (event) => soon(event, IDLE));
})();
