// SPDX-License-Identifier: MIT
// A web server on the loopback for one folder, with the headers that a page needs to share memory between Workers.
import http from 'node:http';
import fs from 'node:fs';
import path from 'node:path';

const types = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };

// Serves the files directly in the given folders, the first that has a name; resolves to { url, close }.
export function serve(...folders) {
    const server = http.createServer((request, response) => {
        const name = path.basename(new URL(request.url, 'http://localhost').pathname);
        const file = folders.map(folder => path.join(folder, name)).find(f => fs.existsSync(f));
        if (!file || !types[path.extname(file)]) {
            response.writeHead(404).end();
            return;
        }
        response.writeHead(200, {
            'Content-Type': types[path.extname(file)],
            'Cross-Origin-Opener-Policy': 'same-origin',
            'Cross-Origin-Embedder-Policy': 'require-corp',
            'Cache-Control': 'no-cache',
        });
        fs.createReadStream(file).pipe(response);
    });
    return new Promise((resolve, reject) => {
        server.on('error', reject);
        server.listen(0, '127.0.0.1', () => resolve({
            url: `http://127.0.0.1:${server.address().port}`,
            close: () => { server.closeAllConnections?.(); server.close(); },
        }));
    });
}
