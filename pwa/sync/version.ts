/** What the office's list of phones calls this app; the same as in package.json, held by a test. */
export const APP_VERSION = "0.1.0";
