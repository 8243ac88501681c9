// What unfold leaves to the mouse works by keyboard too, and what it leaves to the eye has a name.
const MOUSE_ONLY = "[x-on\\:click]:not(a[href], button, input, tr, label, [id])";
const NAMES = {
  "#nav-sidebar-apps .simplebar-content-wrapper": "Pages",
  "#changelist-filter .simplebar-content-wrapper": "Filters",
  "#changelist-form .simplebar-content-wrapper": "Table",
  "[x-on\\:click*=sidebarDesktopOpen], [x-on\\:click*=sidebarMobileOpen]": "Show or hide the pages",
};

function worksByKeyboard(it) {
  it.tabIndex = 0;
  it.setAttribute("role", "button");
  it.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      it.click();
      setTimeout(() => document.querySelector("#changelist-filter:not([style*=none]) :is(a, input, select)")?.focus());
    }
  });
}

function nameSearches() {
  for (const chosen of document.querySelectorAll("select.admin-autocomplete")) {
    const search = chosen.nextElementSibling?.querySelector(".select2-search__field");
    search?.setAttribute("aria-label", chosen.labels[0]?.textContent.trim());
  }
}

addEventListener("load", () => {
  document.querySelectorAll("#changelist-filter h3").forEach((it) => it.setAttribute("aria-level", "2"));
  document.querySelector("#main, #page:not(:has(#main))")?.setAttribute("role", "main");
  document.querySelectorAll(MOUSE_ONLY).forEach(worksByKeyboard);
  for (const [selector, name] of Object.entries(NAMES)) {
    document.querySelectorAll(selector).forEach((it) => it.setAttribute("aria-label", name));
  }
  window.django?.jQuery?.(nameSearches); // after Django's own, which makes them
  // An icon is a word in a font of pictures: nobody wants to hear it.
  for (const icon of document.querySelectorAll(".material-symbols-outlined:not([role=button])")) {
    const only = icon.parentElement.textContent.trim() === icon.textContent.trim();
    if (!only || icon.closest("[aria-label], [title]")) icon.setAttribute("aria-hidden", "true");
  }
});

// Copy what an element holds: <button data-copy="its id">, followed by a place to say so.
addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const said = button.parentElement.querySelector("[role=status]");
  try {
    await navigator.clipboard.writeText(source.textContent);
    said.textContent = "Copied.";
  } catch {
    source.hidden = false; // without HTTPS there is no clipboard: here it is, to be copied by hand
    said.textContent = "Copy it from above.";
  }
});

// A part of a page that was asked for again led elsewhere: to the login, once the session has ended.
addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, pathInfo } = event.detail;
  if (new URL(xhr.responseURL).pathname === pathInfo.requestPath) return;
  event.detail.shouldSwap = false;
  location.reload();
});

// What a part of the page that is asked for again has to say is heard when it changes, and is not repeated.
const voice = document.createElement("div");
voice.setAttribute("role", "status");
voice.className = "sr-only";
addEventListener("load", () => document.querySelector("[role=main]")?.append(voice));
addEventListener("htmx:load", (event) => {
  const said = event.detail.elt.dataset?.say;
  if (said && said !== voice.textContent) voice.textContent = said;
});
