-- Form B: form A with what was added by hand to the databases that have it.
ALTER TABLE public.user_profiles
    ADD COLUMN archetype text,
    ADD COLUMN storage_path text,
    ADD COLUMN file_type text DEFAULT 'json',
    ADD COLUMN import_cost_json text;
ALTER TABLE public.user_profiles DROP CONSTRAINT user_profiles_import_status_check;
ALTER TABLE public.user_profiles ADD CONSTRAINT user_profiles_import_status_check
    CHECK (import_status IN ('none', 'quick_ready', 'processing', 'complete', 'locked', 'failed'));
