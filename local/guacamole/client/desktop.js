/** One desktop on the page: its picture, mouse, keyboard, touch and clipboard. */

import Guacamole from "./guacamole-common.js";

const CTRL = [0xFFE3, 0xFFE4];
const ALT = [0xFFE9, 0xFFEA, 0xFE03, 0xFFE7, 0xFFE8];
const SHIFT = [0xFFE1, 0xFFE2];

export class Desktop {

    /**
     * @param {HTMLElement} parent the element that shows the picture
     * @param {Object} events the callbacks
     * @param {function(string)} events.onstate the desktop is "connected"
     * @param {function(?Guacamole.Status)} events.onclose the connection ended; null if there was no error
     * @param {function(string)} events.onclipboard the desktop copied this text
     * @param {function()} events.onmenu the user pressed Ctrl+Alt+Shift
     */
    constructor(parent, events) {
        this.parent = parent;
        this.events = events;
        this.paused = false;
        this.failure = null;
        this.closed = false;
        this.sentClipboard = null;
        this.listeners = new AbortController();

        this.tunnel = new Guacamole.WebSocketTunnel("websocket-tunnel");
        this.client = new Guacamole.Client(this.tunnel);
        this.display = this.client.getDisplay();
        this.element = this.display.getElement();
        parent.replaceChildren(this.element);

        this.watch();
        this.listenToPointer();
        this.listenToKeyboard();
        this.listenToClipboard();
    }

    /**
     * Connect.
     * @param {string} token the session's token
     * @param {{identifier: string, dataSource: string}} wanted the connection
     */
    connect(token, wanted) {
        const query = new URLSearchParams({
            token,
            GUAC_DATA_SOURCE: wanted.dataSource,
            GUAC_ID: wanted.identifier,
            GUAC_TYPE: "c",
            GUAC_WIDTH: Math.floor(this.parent.clientWidth * devicePixelRatio),
            GUAC_HEIGHT: Math.floor(this.parent.clientHeight * devicePixelRatio),
            GUAC_DPI: Math.floor(96 * devicePixelRatio),
            GUAC_TIMEZONE: Intl.DateTimeFormat().resolvedOptions().timeZone,
        });
        for (const type of Guacamole.AudioPlayer.getSupportedTypes())
            query.append("GUAC_AUDIO", type);
        for (const type of ["image/jpeg", "image/png", "image/webp"])
            query.append("GUAC_IMAGE", type);
        this.client.connect(query.toString());
    }

    /** Disconnect, and stop handling the page's input. */
    close() {
        this.closed = true;
        this.listeners.abort();
        this.keyboard.onkeydown = this.keyboard.onkeyup = null;
        this.keyboard.reset();
        this.client.disconnect();
    }

    /** While `paused` is true, keys go to the page and not to the desktop. */
    pause(paused) {
        this.paused = paused;
        this.keyboard.reset();
    }

    watch() {
        this.display.onresize = () => this.fit();
        window.addEventListener("resize", () => this.fit(), { signal: this.listeners.signal });
        // guacd reports an error before the tunnel ends, and the tunnel may stay open.
        this.client.onerror = (status) => this.end(status);
        this.tunnel.onerror = (status) => this.end(status);
        this.tunnel.onstatechange = (state) => {
            if (state === Guacamole.Tunnel.State.CLOSED)
                this.end(null);
        };
        this.client.onstatechange = (state) => {
            if (state === Guacamole.Client.State.DISCONNECTED)
                this.end(null);
            else if (state === Guacamole.Client.State.CONNECTED)
                this.events.onstate("connected");
        };
    }

    end(status) {
        if (this.closed)
            return;
        this.close();
        this.events.onclose(status);
    }

    /** Scale the picture down to fit its parent. It is never scaled up. */
    fit() {
        const width = this.display.getWidth(), height = this.display.getHeight();
        if (width && height)
            this.display.scale(Math.min(this.parent.clientWidth / width, this.parent.clientHeight / height, 1));
    }

    listenToPointer() {
        const send = (event) => this.client.sendMouseState(event.state, true);
        const mouse = new Guacamole.Mouse(this.element);
        mouse.onEach(["mousedown", "mouseup", "mousemove"], (event) => {
            this.display.showCursor(false);
            send(event);
        });
        const touch = new Guacamole.Mouse.Touchscreen(this.element);
        touch.onEach(["mousedown", "mouseup", "mousemove"], (event) => {
            this.display.showCursor(true);
            send(event);
        });
        // The browser's own cursor takes the shape of the remote pointer.
        this.display.oncursor = (canvas, x, y) => mouse.setCursor(canvas, x, y);
        this.element.addEventListener("contextmenu", (event) => event.preventDefault());
    }

    listenToKeyboard() {
        this.keyboard = new Guacamole.Keyboard(document);
        let chord = false;
        const holds = (keysyms) => keysyms.some((keysym) => this.keyboard.pressed[keysym]);
        this.keyboard.onkeydown = (keysym) => {
            if (this.paused)
                return true;
            chord = chord || (holds(CTRL) && holds(ALT) && holds(SHIFT));
            this.client.sendKeyEvent(1, keysym);
            return false;
        };
        this.keyboard.onkeyup = (keysym) => {
            if (this.paused)
                return;
            this.client.sendKeyEvent(0, keysym);
            if (chord) {
                chord = false;
                this.keyboard.reset();
                this.events.onmenu();
            }
        };
        window.addEventListener("blur", () => this.keyboard.reset(), { signal: this.listeners.signal });
    }

    listenToClipboard() {
        this.client.onclipboard = (stream, type) => {
            if (!type.startsWith("text/"))
                return;
            let text = "";
            const reader = new Guacamole.StringReader(stream);
            reader.ontext = (part) => text += part;
            reader.onend = () => {
                this.sentClipboard = text;
                this.events.onclipboard(text);
                // A page over plain HTTP has no access to the clipboard. The field in the menu still works.
                navigator.clipboard?.writeText(text).catch(() => {});
            };
        };
        window.addEventListener("focus", () => this.readClipboard(), { signal: this.listeners.signal });
    }

    async readClipboard() {
        const text = await navigator.clipboard?.readText().catch(() => null);
        if (text)
            this.sendClipboard(text);
    }

    /** Put text into the desktop's clipboard. */
    sendClipboard(text) {
        if (text === this.sentClipboard || this.closed)
            return;
        this.sentClipboard = text;
        const writer = new Guacamole.StringWriter(this.client.createClipboardStream("text/plain"));
        writer.sendText(text);
        writer.sendEnd();
    }
}
