// Takes an export in slices, so that its reader sees how far it is. Without this file it is a plain download.
"use strict";

const form = document.querySelector("[data-export]");

async function slice(fields) {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    body.append("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
    const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin" });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
}

function offer(parts, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(parts, { type: "application/octet-stream" }));
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function take(format) {
    const bar = form.querySelector("progress"), said = form.querySelector("[role=status]");
    const buttons = form.querySelectorAll("button");
    const parts = [];
    buttons.forEach((button) => { button.disabled = true; });
    form.querySelector("[data-progress]").hidden = false;
    bar.removeAttribute("value");
    said.textContent = "Reading the history…";
    try {
        let got = await slice({ format, query: form.elements.query.value, slices: "1" });
        parts.push(got.text);
        while (got.state) {
            bar.value = got.done;
            said.textContent = `${got.rows.toLocaleString()} changes so far, back to ${got.back_to}`;
            got = await slice({ state: got.state });
            parts.push(got.text);
        }
        bar.value = 1;
        said.textContent = `${got.rows.toLocaleString()} changes, saved as ${got.name}. The export is on record.`;
        offer(parts, got.name);
    } catch (error) {
        said.textContent = `The export was broken off: ${error.message.slice(0, 200)}`;
    } finally {
        buttons.forEach((button) => { button.disabled = false; });
    }
}

if (form) {
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        take(event.submitter ? event.submitter.value : "csv");
    });
}
