/** @file A walk over a page with the Tab key: where it stops, in which order, and whether one sees where one is. */

/** More than any page has. */
const MAX_STEPS = 500;

/**
 * @param {import("puppeteer-core").Page} page
 * @returns {Promise<{stops: string[], visited: string[], unseen: string[]}>} `stops`: what can be used, in the order of the
 *   page; `visited`: of these, where Tab led, in its order; `unseen`: stops that did not show that they had the focus
 */
export async function walk(page) {
  const stops = await page.evaluate(() => {
    const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")].filter((element) => {
      const { tabIndex } = /** @type {HTMLElement} */ (element);
      return tabIndex >= 0 && element.checkVisibility({ visibilityProperty: true }) && !element.matches(":disabled, [type=hidden]");
    });
    /** Of a group of choices one takes part: the chosen one, or else the first. @param {Element} element */
    const takesPart = (element) => {
      if (!(element instanceof HTMLInputElement) || element.type !== "radio") return true;
      const group = all.filter((one) => one instanceof HTMLInputElement && one.type === "radio" && one.name === element.name);
      return element === (group.find((one) => /** @type {HTMLInputElement} */ (one).checked) ?? group[0]);
    };
    const taking = all.filter(takesPart);
    taking.forEach((element, index) => element.setAttribute("data-stop", `${index}`));
    return taking.map((element, index) => `${index} ${element.localName}#${element.id}`);
  });
  await page.evaluate(() => /** @type {HTMLElement | null} */ (document.activeElement)?.blur());
  /** @type {string[]} */
  const visited = [];
  /** @type {string[]} */
  const unseen = [];
  for (let step = 0; step < MAX_STEPS; step += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      const shows = outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2;
      return { stop: element.getAttribute("data-stop"), name: `${element.localName}#${element.id}`, shows };
    });
    if (!at) break;
    // Browsers stop at what can be scrolled as well.
    if (at.stop === null) continue;
    const stop = `${at.stop} ${at.name}`;
    if (visited.includes(stop)) break;
    visited.push(stop);
    if (!at.shows) unseen.push(stop);
  }
  return { stops, visited, unseen };
}
