// SPDX-License-Identifier: MIT
// Runs the unit tests in headless Chromium and relays what they say: drive.mjs BUILD-FOLDER [-v] [PATTERN].
// One page a file of tests; after a test that did not pass a new page goes on behind it. Each test has its time limit,
// which TEST_STRETCH multiplies. NODE_MODULES names the folder with playwright-core, CHROMIUM the browser.
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from './serve.mjs';

const LOAD_SECONDS = 30;                        // until a page has begun its first test
const modules = path.resolve(process.env.NODE_MODULES || 'build/node/node_modules');
const { chromium } = createRequire(modules + '/')('playwright-core');
const stretch = Math.max(1, Number(process.env.TEST_STRETCH) || 1);
const words = process.argv.slice(2);
const verbose = words.includes('-v');
const [folder, pattern = ''] = words.filter(w => w !== '-v');
const count = { passed: 0, failed: 0, skipped: 0 };

// Loads the page with these arguments and gives every line it prints to onLine, which returns true when it has enough.
// Resolves to '' then, else to what went wrong.
async function load(browser, url, args, seconds, onLine) {
    const page = await browser.newPage();
    let timer;
    const result = await new Promise(resolve => {
        const limit = s => {
            clearTimeout(timer);
            timer = setTimeout(() => resolve(`killed after ${s} s`), s * 1000);
        };
        limit(seconds);
        page.on('console', message => {
            for (const line of message.text().split('\n'))
                if (onLine(line, limit))
                    resolve('');
        });
        page.on('pageerror', error => resolve(String(error.stack || error)));
        page.on('crash', () => resolve('the page crashed'));
        page.goto(`${url}/unit.html?${args.map(encodeURIComponent).join('&')}`).catch(e => resolve(e.message));
    });
    clearTimeout(timer);
    await Promise.race([page.close(), new Promise(done => setTimeout(done, 5000))]).catch(() => {});
    return result;
}

async function list(browser, url) {
    const tests = [];
    const wrong = await load(browser, url, pattern ? ['-l', pattern] : ['-l'], LOAD_SECONDS * stretch, line => {
        const [word, number, file, name] = line.split(' ');
        if (word === '@list')
            tests.push({ number: Number(number), file, name });
        return word === '@end';
    });
    if (wrong)
        throw new Error(`the page does not list its tests: ${wrong}`);
    return tests;
}

function report(test, how, started, output, wrong) {
    count[how]++;
    if (how === 'passed' && !verbose)
        return;
    const word = { passed: 'ok', failed: 'FAIL', skipped: 'SKIP' }[how].padEnd(4);
    console.log(`${word} ${test.file}.${test.name} (${((Date.now() - started) / 1000).toFixed(2)} s)`);
    for (const line of wrong ? [...output, wrong] : output)
        console.log(`     ${line}`);
}

// Runs tests, which follow each other in the page's list, in one page; resolves to how many are through.
async function runPage(browser, url, tests) {
    let i = -1, open = false, started = Date.now(), output = [];
    const end = (how, wrong) => {
        open = false;
        report(tests[i], how, started, output, wrong);
    };
    const args = [tests[0].number, tests.at(-1).number].map(String);
    const wrong = await load(browser, url, args, LOAD_SECONDS * stretch, (line, limit) => {
        const [word, , , , seconds] = line.split(' ');
        if (word === '@test') {
            i++;
            open = true;
            started = Date.now();
            output = [];
            limit(Number(seconds) * stretch);
        } else if (word === '@pass') {
            end('passed');
            limit(LOAD_SECONDS * stretch);
        } else if (word === '@fail' || word === '@skip') {
            end(word === '@fail' ? 'failed' : 'skipped');
            return true;
        } else if (word === '@end') {
            return true;
        } else {
            output.push(line);
        }
        return false;
    });
    if (wrong) {
        if (!open)
            i++;                                // between two tests: blame the one that did not begin
        if (i < tests.length)
            end('failed', wrong);
    }
    return i + 1;
}

async function runFile(browser, url, tests) {
    while (tests.length > 0)
        tests = tests.slice(Math.max(1, await runPage(browser, url, tests)));
}

// Tests in a row of one file.
function runs(tests) {
    const groups = [];
    for (const test of tests) {
        const last = groups.at(-1)?.at(-1);
        if (last && last.file === test.file && last.number + 1 === test.number)
            groups.at(-1).push(test);
        else
            groups.push([test]);
    }
    return groups;
}

async function main() {
    const server = await serve(folder, path.dirname(fileURLToPath(import.meta.url)));
    const browser = await chromium.launch({
        executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
        args: [...(process.getuid() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', '--disable-quic', '--no-first-run',
            '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
    });
    try {
        const groups = runs(await list(browser, server.url));
        const lanes = Math.min(4, os.cpus().length, groups.length);
        await Promise.all(Array.from({ length: lanes }, async () => {
            while (groups.length > 0)
                await runFile(browser, server.url, groups.shift());
        }));
    } finally {
        await Promise.race([browser.close(), new Promise(done => setTimeout(done, 10000))]);
        server.close();
    }
    console.log(`${count.passed} passed, ${count.failed} failed` + (count.skipped ? `, ${count.skipped} skipped` : ''));
    process.exit(count.failed > 0 || count.passed + count.skipped === 0 ? 1 : 0);
}

main().catch(error => {
    console.log(error.stack || error);
    console.log(`${count.passed} passed, ${count.failed + 1} failed`);
    process.exit(1);
});
