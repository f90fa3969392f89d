-- What was written of the same facts before, by models that cost something: a replay of a user whose facts are as they
-- were asks no model.

-- `version`: of the prompts that writing takes. `digest`: of exactly what was asked. `part`: which of the model's
-- three tasks it is. `import_id` and `run` are of the run that had it last, `used_at` is when.
CREATE TABLE public.writing_cache (
    user_id uuid NOT NULL,
    model text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    part text NOT NULL CHECK (part IN ('reduce', 'memory', 'sections')),
    answer jsonb NOT NULL,
    import_id uuid NOT NULL,
    run integer NOT NULL,
    used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_id, model, version, digest)
);

ALTER TABLE public.writing_cache ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.writing_cache FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.writing_cache TO service_role;
CREATE POLICY services ON public.writing_cache TO service_role USING (true) WITH CHECK (true);

-- {user_id, model, version, digest, import_id, run}: what was answered before, for this run; null if it was not.
CREATE FUNCTION public.recall_writing(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    found jsonb;
BEGIN
    UPDATE writing_cache w SET
            used_at = clock_timestamp(), import_id = (argument ->> 'import_id')::uuid,
            run = (argument ->> 'run')::integer
        WHERE w.user_id = (argument ->> 'user_id')::uuid AND w.model = argument ->> 'model'
          AND w.version = argument ->> 'version' AND w.digest = argument ->> 'digest'
        RETURNING w.answer INTO found;
    RETURN found;
END
$$;

-- {user_id, model, version, digest, part, answer, import_id, run, most}: keeps what was answered; of a user's answers
-- those `most` that were used last.
CREATE FUNCTION public.keep_writing(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO writing_cache AS w (user_id, model, version, digest, part, answer, import_id, run)
    VALUES ((argument ->> 'user_id')::uuid, argument ->> 'model', argument ->> 'version', argument ->> 'digest',
            argument ->> 'part', argument -> 'answer', (argument ->> 'import_id')::uuid,
            (argument ->> 'run')::integer)
    ON CONFLICT (user_id, model, version, digest) DO UPDATE SET
        answer = excluded.answer, import_id = excluded.import_id, run = excluded.run, used_at = excluded.used_at;
    -- whoever else deletes for this user at this moment sees to the same rows
    DELETE FROM writing_cache w USING (
        SELECT o.model, o.version, o.digest FROM writing_cache o WHERE o.user_id = (argument ->> 'user_id')::uuid
        ORDER BY o.used_at DESC, o.digest OFFSET (argument ->> 'most')::integer FOR UPDATE SKIP LOCKED) old
        WHERE w.user_id = (argument ->> 'user_id')::uuid AND w.model = old.model AND w.version = old.version
          AND w.digest = old.digest;
    RETURN to_jsonb(true);
END
$$;

-- True if all that writing the memory of this run takes is known: what it asked was kept, or would be asked of nobody,
-- and the user's other lineages are as they were then.
CREATE FUNCTION public.writing_is_kept(b public.imports, p_model text, p_version text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    parts CONSTANT text[] := ARRAY(
        SELECT DISTINCT w.part FROM writing_cache w
        WHERE w.user_id = b.user_id AND w.model = p_model AND w.version = p_version
          AND w.import_id = b.import_id AND w.run = b.run);
BEGIN
    RETURN 'sections' = ANY (parts)
        AND ('memory' = ANY (parts) OR coalesce((b.fact_counts ->> 'kept')::integer, 0) = 0)
        AND ARRAY(SELECT e - 'run' FROM jsonb_array_elements(b.joined) WITH ORDINALITY AS x(e, n) ORDER BY n)
            = ARRAY(SELECT e - 'run' FROM jsonb_array_elements(join_for(b)) WITH ORDINALITY AS x(e, n) ORDER BY n);
END
$$;

REVOKE ALL ON FUNCTION
    public.recall_writing(jsonb), public.keep_writing(jsonb),
    public.writing_is_kept(public.imports, text, text)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.recall_writing(jsonb), public.keep_writing(jsonb),
    public.writing_is_kept(public.imports, text, text)
TO service_role;
