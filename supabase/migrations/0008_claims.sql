-- The lease on a complete run: one consolidator at a time works on it.

-- Takes a complete run under a lease, or takes over an expired lease. The same owner may claim again.
-- What an earlier, unfinished consolidation settled is forgotten: consolidation begins anew with each claim, from
-- the run's own facts and those of the user's other lineages as they are now. `edition` names that.
CREATE FUNCTION public.claim_run(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    a record;
    i imports;
    refusal text;
    joining jsonb;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, run integer, owner text, lease_seconds double precision);
    SELECT * INTO i FROM imports WHERE import_id = a.import_id AND run = a.run FOR UPDATE;
    refusal := CASE
        WHEN i.import_id IS NULL THEN 'unknown'
        WHEN i.state IN ('complete', 'failed', 'cancelled') THEN i.state
        WHEN i.published_at IS NOT NULL THEN 'published'
        WHEN NOT is_complete_run(i) THEN 'incomplete'
        WHEN i.lease_owner <> a.owner AND i.lease_until > clock_timestamp() THEN 'leased'
    END;
    IF refusal IS NULL THEN
        UPDATE imports SET
                state = 'consolidating', lease_owner = a.owner,
                lease_until = clock_timestamp() + make_interval(secs => a.lease_seconds),
                claimed_at = coalesce(claimed_at, now()), updated_at = now()
            WHERE import_id = a.import_id AND run = a.run RETURNING * INTO i;
        PERFORM tell_profile(i);
        UPDATE facts SET status = 'current', support = 1, superseded_by = NULL, merged_into = NULL
            WHERE import_id = a.import_id AND run = a.run
              AND (status <> 'current' OR support <> 1);
        joining := join_for(i);
        IF joining <> '[]' OR i.joined <> '[]' OR jsonb_array_length(i.accounts) > 1 THEN
            i := join_lineages(i, joining);
        END IF;
    END IF;
    RETURN jsonb_build_object('claimed', refusal IS NULL, 'reason', refusal, 'edition', coalesce(i.edition, 0));
END
$$;

-- Prolongs a lease that still is the owner's; false if another took the run over, or it ended.
CREATE FUNCTION public.renew_run(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE imports SET
            lease_until = clock_timestamp()
                + make_interval(secs => (argument ->> 'lease_seconds')::double precision)
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND lease_owner = argument ->> 'owner' AND state = 'consolidating';
    RETURN to_jsonb(FOUND);
END
$$;

-- Gives a lease back, so that another need not wait for its end. False if it was not the owner's.
CREATE FUNCTION public.release_run(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE imports SET lease_owner = NULL, lease_until = NULL, updated_at = now()
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND lease_owner = argument ->> 'owner';
    RETURN to_jsonb(FOUND);
END
$$;

REVOKE ALL ON FUNCTION
    public.claim_run(jsonb), public.renew_run(jsonb), public.release_run(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.claim_run(jsonb), public.renew_run(jsonb), public.release_run(jsonb)
TO service_role;
