-- +goose Up
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY, -- SHA-256 of the id in the cookie, hex
    account_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    ip TEXT NOT NULL,
    created BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    data BYTEA NOT NULL
);
CREATE INDEX sessions_account ON sessions (account_id, seen DESC);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE undos (
    session_id TEXT NOT NULL,
    token TEXT NOT NULL,
    account_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    created BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (session_id, token)
);
CREATE INDEX undos_seq ON undos (session_id, seq DESC);
CREATE INDEX undos_created ON undos (created);

CREATE TABLE settings (
    account_id TEXT PRIMARY KEY,
    version BIGINT NOT NULL,
    doc TEXT NOT NULL -- JSON
);

CREATE TABLE identities (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    name TEXT NOT NULL,
    addr TEXT NOT NULL,
    reply_to TEXT NOT NULL,
    signature TEXT NOT NULL,
    is_default BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE TABLE blobs (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    grp TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    size BIGINT NOT NULL, -- octets of the file, grows while it is written
    created BIGINT NOT NULL,
    touched BIGINT NOT NULL, -- last write
    whole BIGINT NOT NULL, -- 0 while it is written
    sealed_key BYTEA NOT NULL
);
CREATE INDEX blobs_group ON blobs (account_id, grp, created);
CREATE INDEX blobs_touched ON blobs (touched);

CREATE TABLE blob_chunks (
    blob_id TEXT NOT NULL,
    n BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (blob_id, n)
);

CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    state TEXT NOT NULL,
    due BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    data_begun BIGINT NOT NULL,
    blob_id TEXT NOT NULL,
    draft_hash TEXT, -- of the draft's key, NULL without one
    sealed BYTEA NOT NULL,
    credentials BYTEA -- NULL in a final state
);
CREATE INDEX outbox_account ON outbox (account_id, created DESC);
CREATE INDEX outbox_changed ON outbox (state, changed);
CREATE UNIQUE INDEX outbox_one_per_draft ON outbox (account_id, draft_hash)
    WHERE draft_hash IS NOT NULL AND state IN ('waiting', 'sending', 'submitted');

CREATE TABLE tries (
    key TEXT NOT NULL, -- keyed hash
    span BIGINT NOT NULL, -- length of the window
    start BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (key, span, start)
);
CREATE INDEX tries_start ON tries (start);

CREATE TABLE copies (
    id TEXT PRIMARY KEY,
    seen BIGINT NOT NULL
);

-- +goose Down
DROP TABLE copies;
DROP TABLE tries;
DROP TABLE outbox;
DROP TABLE blob_chunks;
DROP TABLE blobs;
DROP TABLE identities;
DROP TABLE settings;
DROP TABLE undos;
DROP TABLE sessions;
DROP TABLE meta;
