// The box in which one types to find people or incidents is called what the field is called: the library gives it no name.
"use strict";

window.addEventListener("load", () => {
    for (const box of document.querySelectorAll(".select2-search__field:not([aria-label])")) {
        const select = box.closest(".select2-container")?.previousElementSibling;
        const label = select?.labels?.[0];
        if (label) box.setAttribute("aria-label", label.textContent.trim());
    }
});
