-- A new schema holds the account guacadmin with a password that everybody knows.
\getenv username ADMIN_USERNAME
UPDATE guacamole_entity SET name = :'username' WHERE type = 'USER' AND name = 'guacadmin';
