"use strict";
// “/” leads to the box from anywhere on the page; J and K walk through what was found.
document.addEventListener("keydown", (event) => {
    const box = document.getElementById("search-q");
    const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
    if (!box || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
        event.preventDefault();
        box.focus();
        box.select();
    }
    if (event.key === "j" || event.key === "k") {
        const hits = [...document.querySelectorAll(".search-hits h2 a")];
        const at = hits.indexOf(document.activeElement) + (event.key === "j" ? 1 : -1);
        if (hits[at]) hits[at].focus();
    }
});
