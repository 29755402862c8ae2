// Notes in a tab when its tunnel is open and what its desktop shows, as small pictures. The bench puts it before the
// page's own scripts. All times are milliseconds since 1970, as the bench's own are.
(() => {
    const [WIDTH, HEIGHT] = [64, 36];
    const noted = window.benchNoted = { tunnel: null, pictures: [], ended: false };

    const Original = window.WebSocket;
    window.WebSocket = class extends Original {
        constructor(...given) {
            super(...given);
            this.addEventListener("open", () => { noted.tunnel ??= Date.now(); });
        }
    };

    const small = new OffscreenCanvas(WIDTH, HEIGHT).getContext("2d", { willReadFrequently: true });
    let last = new Uint8ClampedArray();

    function largest() {
        // The pointer is a canvas too.
        const all = [...document.querySelectorAll("canvas")].filter((each) => each.width && each.height);
        return all.sort((one, other) => other.width * other.height - one.width * one.height)[0];
    }

    // Looks at each frame of the browser, until the bench sets `ended`.
    function look() {
        const shown = largest();
        if (shown) {
            small.clearRect(0, 0, WIDTH, HEIGHT);
            small.drawImage(shown, 0, 0, WIDTH, HEIGHT);
            // Without the alpha channel: a canvas is black before the first picture.
            const pixels = small.getImageData(0, 0, WIDTH, HEIGHT).data.filter((_, index) => index % 4 < 3);
            if (pixels.some(Boolean) && pixels.some((value, index) => value !== last[index])) {
                last = pixels;
                noted.pictures.push({ at: Date.now(), pixels: [...pixels] });
            }
        }
        if (!noted.ended)
            requestAnimationFrame(look);
    }
    requestAnimationFrame(look);
})();
