// Takes the pictures of a plan (JSON written by shots.py) with Debian's chromium, and checks each page: no sideways scrolling, nothing that
// axe-core finds, nothing the content security policy had to stop. Usage: NODE_PATH=... node shots.js plan.json folder
'use strict';
const fs = require('fs');
const path = require('path');
const { chromium } = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

async function look(browser, shot, origin, folder, problems) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true, bypassCSP: false, locale: shot.lang, timezoneId: 'Asia/Tokyo', colorScheme: shot.dark ? 'dark' : 'light',
    viewport: { width: shot.width, height: shot.height || 900 }, deviceScaleFactor: shot.scale || 1,
  });
  await context.addCookies(Object.entries(shot.cookies).map(([name, value]) => ({ name, value, url: origin, secure: true, httpOnly: true, sameSite: 'Strict' })));
  const page = await context.newPage();
  page.on('console', (m) => { if (m.type() === 'error' && !/status of 40[0-9]/.test(m.text())) problems.push(`${shot.name}: ${m.text()}`); });
  page.on('pageerror', (e) => problems.push(`${shot.name}: ${e.message}`));
  const answer = await page.goto(origin + shot.url);
  if (answer.status() !== (shot.status || 200)) problems.push(`${shot.name}: ${answer.status()} for ${shot.url}`);
  if (shot.open) await page.$$eval('details', (all) => all.forEach((d) => { d.open = true; }));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide > 0) problems.push(`${shot.name}: ${wide} px wider than the window`);
  if (shot.print) {
    await page.pdf({ path: path.join(folder, shot.name + '.pdf'), format: 'A4', printBackground: false, margin: { top: '12mm', bottom: '12mm', left: '12mm', right: '12mm' } });
  } else {
    await page.screenshot({ path: path.join(folder, shot.name + '.png'), fullPage: true });
  }
  const report = await page.evaluate(`${axe}; axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] })`);
  for (const v of report.violations) {
    problems.push(`${shot.name}: ${v.id} (${v.impact}): ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | ')}`);
  }
  await context.close();
}

async function main(planFile, folder) {
  const plan = JSON.parse(fs.readFileSync(planFile, 'utf8'));
  fs.mkdirSync(folder, { recursive: true });
  const problems = [];
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', headless: true, args: ARGS });
  for (const shot of plan.shots) await look(browser, shot, plan.origin, folder, problems);
  await browser.close();
  problems.forEach((p) => console.log('FAIL ' + p));
  console.log(`${plan.shots.length} pages looked at, ${problems.length} problems`);
  process.exitCode = problems.length ? 1 : 0;
}

main(process.argv[2], process.argv[3]);
