-- The order database of the support desk, as text: `support.orders:lookup` builds it in memory for
-- each question, so that reading an order never touches a file. Amounts are integer cents, dates ISO 8601.

CREATE TABLE customer (
    email TEXT PRIMARY KEY,
    name  TEXT NOT NULL
);

CREATE TABLE purchase (
    id           TEXT PRIMARY KEY,             -- one letter, a hyphen, four digits
    customer     TEXT NOT NULL REFERENCES customer (email),
    item         TEXT NOT NULL,
    paid_cents   INTEGER NOT NULL CHECK (paid_cents >= 0),
    currency     TEXT NOT NULL DEFAULT 'EUR',
    status       TEXT NOT NULL CHECK (status IN ('processing', 'in_transit', 'delivered', 'lost', 'cancelled')),
    ordered_on   TEXT NOT NULL,
    expected_on  TEXT NOT NULL,
    delivered_on TEXT
);

CREATE TABLE refund (
    purchase TEXT NOT NULL REFERENCES purchase (id),
    cents    INTEGER NOT NULL CHECK (cents > 0),
    paid_on  TEXT NOT NULL,
    reason   TEXT NOT NULL
);

CREATE TABLE policy (
    name TEXT PRIMARY KEY,
    days INTEGER NOT NULL
);

INSERT INTO policy (name, days) VALUES
    ('return_days', 30);

INSERT INTO customer (email, name) VALUES
    ('maria.lindqvist@posteo.example', 'Maria Lindqvist'),
    ('tom.okafor@mailbox.example', 'Tom Okafor'),
    ('priya.raman@inbox.example', 'Priya Raman'),
    ('j.beaumont@courriel.example', 'Jules Beaumont'),
    ('d.hartwell@hartwell-law.example', 'Dorothy Hartwell'),
    ('freebies4u@dropmail.example', 'Sam Reyes'),
    ('carl.novak@postbox.example', 'Carl Novak'),
    ('elif.demir@webmail.example', 'Elif Demir'),
    ('liam.byrne@eircom.example', 'Liam Byrne'),
    ('studio@northlight.example', 'Northlight Studio'),
    ('anke.vogt@netz.example', 'Anke Vogt'),
    ('r.castillo@correo.example', 'Rosa Castillo'),
    ('nina.solberg@post.example', 'Nina Solberg'),
    ('grace.nakamura@webmail.example', 'Grace Nakamura'),
    ('dmitri.vasko@inbox.example', 'Dmitri Vasko'),
    ('yusuf.aydin@posta.example', 'Yusuf Aydin'),
    ('h.whitcombe@fastpost.example', 'Harriet Whitcombe');

INSERT INTO purchase (id, customer, item, paid_cents, status, ordered_on, expected_on, delivered_on) VALUES
    ('A-1042', 'maria.lindqvist@posteo.example', 'Wool blanket, grey', 4990, 'delivered', '2026-11-06', '2026-11-11', '2026-11-10'),
    ('A-1057', 'tom.okafor@mailbox.example', 'Ceramic teapot, 1.2 l', 3850, 'delivered', '2026-11-08', '2026-11-13', '2026-11-13'),
    ('A-1061', 'priya.raman@inbox.example', 'Desk lamp Arc', 6400, 'delivered', '2026-11-02', '2026-11-07', '2026-11-07'),
    ('A-1068', 'j.beaumont@courriel.example', 'Coffee grinder, manual', 5900, 'delivered', '2026-11-05', '2026-11-10', '2026-11-09'),
    ('A-0977', 'd.hartwell@hartwell-law.example', 'Standing desk Rise', 64900, 'delivered', '2026-09-28', '2026-10-05', '2026-10-06'),
    ('A-1075', 'freebies4u@dropmail.example', 'Enamel mug', 1490, 'delivered', '2026-11-09', '2026-11-14', '2026-11-13'),
    ('A-1031', 'carl.novak@postbox.example', 'Kitchen scale', 2990, 'delivered', '2026-10-26', '2026-10-31', '2026-10-30'),
    ('A-1080', 'liam.byrne@eircom.example', 'Rain jacket, size L', 11900, 'in_transit', '2026-11-05', '2026-11-12', NULL),
    ('B-2003', 'studio@northlight.example', 'Large format printer P900', 189900, 'delivered', '2026-11-04', '2026-11-12', '2026-11-12'),
    ('A-1083', 'anke.vogt@netz.example', 'Bluetooth-Lautsprecher Bo', 7900, 'delivered', '2026-11-07', '2026-11-12', '2026-11-12'),
    ('A-0812', 'r.castillo@correo.example', 'Hiking boots, size 39', 13900, 'delivered', '2026-08-08', '2026-08-14', '2026-08-14'),
    ('A-1090', 'elif.demir@webmail.example', 'Picture frame, oak', 2450, 'processing', '2026-11-17', '2026-11-24', NULL),
    ('A-1094', 'grace.nakamura@webmail.example', 'Cast iron pan, 28 cm', 5400, 'delivered', '2026-11-09', '2026-11-13', '2026-11-13'),
    ('A-1095', 'grace.nakamura@webmail.example', 'Oven gloves', 1800, 'delivered', '2026-11-10', '2026-11-14', '2026-11-13'),
    ('A-1088', 'dmitri.vasko@inbox.example', 'Running shoes, size 44', 9450, 'delivered', '2026-10-19', '2026-10-24', '2026-10-23'),
    ('A-1099', 'yusuf.aydin@posta.example', 'Wall clock, walnut', 4600, 'lost', '2026-10-29', '2026-11-04', NULL),
    ('A-0940', 'h.whitcombe@fastpost.example', 'Electric kettle, 1.7 l', 4290, 'delivered', '2026-09-11', '2026-09-16', '2026-09-15'),
    ('A-1096', 'h.whitcombe@fastpost.example', 'Bath towels, set of 4', 3600, 'in_transit', '2026-11-06', '2026-11-17', NULL);

INSERT INTO refund (purchase, cents, paid_on, reason) VALUES
    ('A-1031', 2990, '2026-11-09', 'damaged on arrival');
