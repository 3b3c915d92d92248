/**
 * @file What a page must offer to people who cannot see it, or not well: names, an outline, contrast. It is not a full
 * audit; each rule here is one that a change of markup breaks easily and nobody notices by looking.
 */

/**
 * @param {import("puppeteer-core").Page} page
 * @returns {Promise<string[]>} faults, empty when there are none
 */
export function accessibilityFaults(page) {
  return page.evaluate(() => {
    /** @type {string[]} */
    const faults = [];
    const isShown = (/** @type {Element} */ element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    const nameOf = (/** @type {Element} */ element) => `${element.localName}${element.id && `#${element.id}`}`;

    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    for (const id of new Set(ids.filter((one, index) => ids.indexOf(one) !== index))) faults.push(`two elements are #${id}`);
    if (!document.documentElement.lang) faults.push("the page names no language");
    if (document.querySelectorAll("main").length !== 1) faults.push("not exactly one main");
    const titles = [...document.querySelectorAll("h1")].filter(isShown);
    if (titles.length !== 1) faults.push(`${titles.length} visible h1`);

    let level = 0;
    for (const heading of [...document.querySelectorAll("h1, h2, h3, h4")].filter(isShown)) {
      const own = Number(heading.localName[1]);
      if (own > level + 1) faults.push(`${nameOf(heading)} follows level ${level}`);
      level = own;
    }

    for (const reference of ["aria-labelledby", "aria-describedby", "aria-errormessage", "for"]) {
      for (const element of document.querySelectorAll(`[${reference}]`)) {
        for (const id of (element.getAttribute(reference) ?? "").split(/\s+/)) if (!document.getElementById(id)) faults.push(`${nameOf(element)} ${reference} names no element: ${id}`);
      }
    }

    for (const control of document.querySelectorAll("input, select, textarea, button, a[href], progress, [role=meter]")) {
      if (!isShown(control)) continue;
      const labels = [.../** @type {HTMLInputElement} */ (control).labels ?? []].map(({ textContent }) => textContent);
      const by = (control.getAttribute("aria-labelledby") ?? "").split(/\s+/).map((id) => document.getElementById(id)?.textContent);
      const said = [control.getAttribute("aria-label"), ...by, ...labels, control.textContent].some((text) => text?.trim());
      if (!said) faults.push(`${nameOf(control)} has no name`);
      const { width, height } = control.getBoundingClientRect();
      if (control.matches("button, select, .button") && (width < 24 || height < 24)) faults.push(`${nameOf(control)} is too small to hit`);
    }

    /** The colour as red, green, blue and opacity, 0 to 1; computed colours come as `rgb(…)`, or as `color(srgb …)` where they were mixed. @param {string} text */
    const colour = (text) => {
      const numbers = [...text.matchAll(/[\d.]+/g)].map(Number);
      const [red, green, blue, opacity = 1] = numbers;
      return text.startsWith("rgb") ? [red / 255, green / 255, blue / 255, opacity] : [red, green, blue, opacity];
    };
    /** WCAG 2.2, relative luminance. @param {number[]} rgb */
    const luminance = ([red, green, blue]) => {
      const [r, g, b] = [red, green, blue].map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    /** @param {Element | null} element */
    const backdrop = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const found = colour(getComputedStyle(at).backgroundColor);
        if (found[3] === 1) return found;
      }
      return [1, 1, 1, 1];
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    /** @type {Set<string>} */
    const pale = new Set();
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      if (!parent || !walker.currentNode.textContent?.trim() || !isShown(parent) || parent.closest(":disabled, svg, option, .unseen")) continue;
      const style = getComputedStyle(parent);
      const [ink, paper] = [luminance(colour(style.color)), luminance(backdrop(parent))];
      const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
      const isLarge = Number.parseFloat(style.fontSize) >= 24;
      if (ratio < (isLarge ? 3 : 4.5)) pale.add(`${nameOf(parent)}.${parent.className} has a contrast of ${ratio.toFixed(1)}`);
    }
    return [...faults, ...pale];
  });
}
