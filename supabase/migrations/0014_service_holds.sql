-- Why a process holds a service up, for as long as the process says so again and again.
CREATE TABLE public.service_holds (
    owner text NOT NULL,
    service text NOT NULL,
    hold text NOT NULL,
    reason text NOT NULL,
    since timestamptz NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner, service, hold)
);

ALTER TABLE public.service_holds ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.service_holds FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.service_holds TO service_role;
CREATE POLICY services ON public.service_holds TO service_role USING (true) WITH CHECK (true);

-- {owner, holds: [{service, hold, reason, since}]}: all that holds this owner's services up now.
CREATE FUNCTION public.note_holds(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM service_holds s
    WHERE s.seen_at < now() - interval '1 day'
       OR s.owner = argument ->> 'owner' AND NOT EXISTS (
           SELECT FROM jsonb_to_recordset(argument -> 'holds') AS h(service text, hold text)
           WHERE h.service = s.service AND h.hold = s.hold);
    INSERT INTO service_holds (owner, service, hold, reason, since)
    SELECT argument ->> 'owner', h.service, h.hold, h.reason, h.since
        FROM jsonb_to_recordset(argument -> 'holds')
            AS h(service text, hold text, reason text, since timestamptz)
    ON CONFLICT (owner, service, hold) DO UPDATE SET
        reason = excluded.reason, since = excluded.since, seen_at = now();
    RETURN to_jsonb(true);
END
$$;

-- {seconds}: what was said within so many seconds, by service: [{service, hold, reason, since, replicas}].
CREATE FUNCTION public.read_holds(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT service, hold, reason, min(since) AS since, count(*) AS replicas FROM service_holds
        WHERE seen_at > now() - make_interval(secs => (argument ->> 'seconds')::double precision)
        GROUP BY service, hold, reason ORDER BY service, hold, reason) t
$$;

REVOKE ALL ON FUNCTION
    public.note_holds(jsonb), public.read_holds(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.note_holds(jsonb), public.read_holds(jsonb)
TO service_role;
