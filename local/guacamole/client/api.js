/** The REST calls of the page, and the token in the browser's storage. */

const STORAGE_KEY = "GUAC_AUTH_TOKEN";

/** The user must log in. The message is the reason, or empty. */
export class LoginNeeded extends Error {}

/** Return the token that an earlier page stored, or null. The key and the JSON quotes are those of Guacamole's page. */
export function storedToken() {
    try {
        return JSON.parse(localStorage.getItem(STORAGE_KEY));
    } catch {
        return null;
    }
}

/**
 * Start a session, or continue the session of a live token.
 * @param {Object<string, string>} credentials fields of the form: `username` and `password`, or `token`
 * @returns {Promise<{authToken: string, username: string, availableDataSources: string[]}>}
 * @throws {LoginNeeded} if the credentials are refused
 */
export async function signIn(credentials) {
    const answer = await fetch("api/tokens", { method: "POST", body: new URLSearchParams(credentials) });
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok)
        throw new LoginNeeded(body.message || `The server answered ${answer.status}.`);
    return body;
}

/**
 * Store a session for later pages, and end the one that was stored before. Guacamole's page does the same.
 */
export async function keep(session) {
    const earlier = storedToken();
    if (earlier === session.authToken)
        return;
    localStorage.setItem(STORAGE_KEY, JSON.stringify(session.authToken));
    if (earlier)
        await fetch(`api/tokens/${encodeURIComponent(earlier)}`, { method: "DELETE" });
}

/** Remove a token from the browser's storage, if it is the stored one. */
export function forget(token) {
    if (storedToken() === token)
        localStorage.removeItem(STORAGE_KEY);
}

/** End a session. */
export async function signOut(session) {
    forget(session.authToken);
    await fetch(`api/tokens/${encodeURIComponent(session.authToken)}`, { method: "DELETE" });
}

/** Return all connections that a session may see, by name, as {identifier, name, dataSource}. */
export async function connections(session) {
    // A log-in by a header comes from no source that has connections.
    const [dataSource] = session.availableDataSources;
    const found = await get(session, dataSource, "connections");
    return Object.values(found)
        .map(({ identifier, name }) => ({ identifier, name, dataSource }))
        .sort((a, b) => a.name.localeCompare(b.name));
}

/** Return one connection, or null if it does not exist or the session may not see it. */
export async function connection(session, { identifier, dataSource }) {
    return get(session, dataSource, `connections/${encodeURIComponent(identifier)}`);
}

async function get(session, dataSource, path) {
    const url = `api/session/data/${encodeURIComponent(dataSource)}/${path}`;
    const answer = await fetch(url, { headers: { "Guacamole-Token": session.authToken } });
    if (answer.status === 404)
        return null;
    if (answer.status === 403)
        throw new LoginNeeded("You have been signed out.");
    if (!answer.ok)
        throw new Error(`The server answered ${answer.status}.`);
    return answer.json();
}
