-- The tables of the board. Every statement may be run again without harm.

CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password_hash TEXT NOT NULL,
    -- Stands in every session of the user; a new one ends them all.
    session_stamp TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'admin')),
    about TEXT NOT NULL DEFAULT '',
    joined_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS questions (
    -- AUTOINCREMENT: the address of a deleted one never leads to another.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    author_id INTEGER NOT NULL REFERENCES users,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    hidden INTEGER NOT NULL DEFAULT 0,
    accepted_answer_id INTEGER REFERENCES answers ON DELETE SET NULL
);

CREATE INDEX IF NOT EXISTS questions_by_time ON questions (asked_at);
CREATE INDEX IF NOT EXISTS questions_by_author ON questions (author_id);

CREATE TABLE IF NOT EXISTS question_tags (
    question_id INTEGER NOT NULL REFERENCES questions ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (tag, question_id)
);

CREATE INDEX IF NOT EXISTS tags_by_question ON question_tags (question_id);

CREATE TABLE IF NOT EXISTS question_votes (
    question_id INTEGER NOT NULL REFERENCES questions ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users,
    PRIMARY KEY (question_id, user_id)
);

CREATE TABLE IF NOT EXISTS answers (
    -- AUTOINCREMENT: the address of a deleted one never leads to another.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    question_id INTEGER NOT NULL REFERENCES questions ON DELETE CASCADE,
    author_id INTEGER NOT NULL REFERENCES users,
    body TEXT NOT NULL,
    answered_at TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS answers_by_question ON answers (question_id);
CREATE INDEX IF NOT EXISTS answers_by_author ON answers (author_id);

CREATE TABLE IF NOT EXISTS answer_votes (
    answer_id INTEGER NOT NULL REFERENCES answers ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users,
    PRIMARY KEY (answer_id, user_id)
);

-- Log-ins that failed, to slow down guessing.
CREATE TABLE IF NOT EXISTS failed_logins (
    name TEXT NOT NULL COLLATE NOCASE,
    address TEXT NOT NULL,
    failed_at TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS failed_logins_by_time ON failed_logins (failed_at);

-- Deliveries of the import hook, so that one sent twice is imported once.
CREATE TABLE IF NOT EXISTS imports (
    body_sha256 TEXT PRIMARY KEY,
    received_at TEXT NOT NULL
);

CREATE VIEW IF NOT EXISTS question_cards AS
SELECT
    questions.*,
    users.name AS author,
    (SELECT count(*) FROM question_votes WHERE question_id = questions.id) AS votes,
    (SELECT count(*) FROM answers WHERE question_id = questions.id) AS answer_count,
    (
        SELECT group_concat(tag, ' ')
        FROM (SELECT tag FROM question_tags WHERE question_id = questions.id ORDER BY tag)
    ) AS tags
FROM questions JOIN users ON users.id = questions.author_id;

CREATE VIEW IF NOT EXISTS answer_cards AS
SELECT
    answers.*,
    users.name AS author,
    (SELECT count(*) FROM answer_votes WHERE answer_id = answers.id) AS votes
FROM answers JOIN users ON users.id = answers.author_id;
