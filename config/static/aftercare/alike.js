"use strict";
// What a form is about to tell may have happened before: asked while somebody types, shown below the input.
document.addEventListener("DOMContentLoaded", () => {
    for (const input of document.querySelectorAll("[data-alike]")) watch(input);
});

function watch(input) {
    const form = input.form;
    const place = document.createElement("section");
    place.className = "alike-typed";
    place.setAttribute("aria-live", "polite");
    place.setAttribute("aria-label", "Have we seen this before?");
    (input.closest(".field-row") || input.closest(".form-row") || input.parentElement).append(place);
    let timer, asked = "";
    form.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(ask, 400);
    });

    async function ask() {
        const query = questionOf(input, form);
        if (query === asked) return;
        asked = query;
        if (input.value.trim().length < 4) return place.replaceChildren();
        try {
            const answer = await fetch(`${input.dataset.alike}?${query}`, { headers: { Accept: "text/html" } });
            // Whoever typed on meanwhile has asked something else.
            if (answer.ok && query === asked) place.innerHTML = await answer.text();
        } catch {
            asked = ""; // without a network the form works as before
        }
    }
}

function questionOf(input, form) {
    const query = new URLSearchParams();
    for (const pair of input.dataset.alikeReads.split(" ")) {
        const [name, field] = pair.split(":");
        for (const value of new FormData(form).getAll(field)) if (value) query.append(name, value.slice(0, 2000));
    }
    return query.toString();
}
