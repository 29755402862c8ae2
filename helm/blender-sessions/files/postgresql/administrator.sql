-- Guacamole checks SHA-256(password || upper-case hex of the salt): its manual, database authentication, table guacamole_user.
-- Nothing is written while the password is right, so its date says when it last changed.
\getenv username ADMIN_USERNAME
\getenv password ADMIN_PASSWORD
WITH account AS (
    SELECT guacamole_user.user_id, password_salt, password_hash
      FROM guacamole_user JOIN guacamole_entity USING (entity_id)
     WHERE guacamole_entity.type = 'USER' AND guacamole_entity.name = :'username'
), fresh AS (
    SELECT sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')) AS salt
)
UPDATE guacamole_user
   SET password_salt = fresh.salt,
       password_hash = sha256(convert_to(:'password' || upper(encode(fresh.salt, 'hex')), 'UTF8')),
       password_date = CURRENT_TIMESTAMP,
       disabled = FALSE,
       expired = FALSE
  FROM account, fresh
 WHERE guacamole_user.user_id = account.user_id
   AND account.password_hash IS DISTINCT FROM
       sha256(convert_to(:'password' || upper(encode(account.password_salt, 'hex')), 'UTF8'));
