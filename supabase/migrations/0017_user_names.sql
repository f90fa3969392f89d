-- What a user is called at the terminal: the id of a name does not tell the name. Users of the app, who are
-- given by id, have none.
CREATE TABLE public.user_names (
    user_id uuid PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    named_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE public.user_names ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.user_names FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.user_names TO service_role;
CREATE POLICY services ON public.user_names TO service_role USING (true) WITH CHECK (true);

-- {user_id, name}: what a user was called; the last name holds. Its first 200 characters are kept.
CREATE FUNCTION public.name_user(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO user_names AS n (user_id, name)
    VALUES ((argument ->> 'user_id')::uuid, left(argument ->> 'name', 200))
    ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, named_at = now() WHERE n.name <> excluded.name;
    RETURN to_jsonb(true);
END
$$;

-- {user_ids}: the names of those that have one, by id.
CREATE FUNCTION public.read_user_names(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_object_agg(user_id, name), '{}') FROM user_names
    WHERE user_id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text(argument -> 'user_ids')))
$$;

-- {limit}: who has runs that they asked for, and how the newest of each fares; the users seen last come first.
CREATE FUNCTION public.list_users(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT u.user_id, n.name, u.runs, told_state(i) AS state, i.requested_at,
               s.user_id IS NOT NULL AS has_memory, lineages_of(u.user_id) AS lineages
        FROM (SELECT user_id, count(*) AS runs, max(ordinal) AS ordinal FROM imports o
              WHERE kind = 'primary' AND NOT is_silent(o) GROUP BY user_id) u
        JOIN imports i ON i.ordinal = u.ordinal
        LEFT JOIN user_names n ON n.user_id = u.user_id
        LEFT JOIN served_memories s ON s.user_id = u.user_id
        ORDER BY u.ordinal DESC LIMIT (argument ->> 'limit')::integer) t
$$;

REVOKE ALL ON FUNCTION
    public.name_user(jsonb), public.read_user_names(jsonb), public.list_users(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.name_user(jsonb), public.read_user_names(jsonb), public.list_users(jsonb)
TO service_role;
