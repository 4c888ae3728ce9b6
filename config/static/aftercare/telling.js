// While somebody writes to customers the preview follows. Without this the Preview button does the same.
"use strict";
(() => {
    const form = document.getElementById("tell"), button = document.getElementById("tell-preview");
    if (!form || !button || !form.requestSubmit) return;
    let timer = 0;
    form.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(() => form.requestSubmit(button), 800);
    });
})();
