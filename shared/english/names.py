"""Names that tell what kind of thing a value is. Lower case. A missing name costs a missed match only."""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.replace("\n", ",").split(",") if name.strip())


PROGRAMMING_LANGUAGES = _names(
    """python, rust, go, golang, javascript, typescript, java, kotlin, swift, c, c++, c#, ruby, php
    scala, elixir, erlang, haskell, clojure, ocaml, f#, perl, lua, r, julia, dart, zig, nim
    objective-c, elm, fortran, cobol, matlab, bash, gleam, crystal, racket, lisp, common lisp
    visual basic, delphi, pascal, ada, solidity"""
)
EDITORS = _names(
    """vim, neovim, nvim, emacs, doom emacs, spacemacs, vs code, vscode, visual studio code
    visual studio, sublime, sublime text, pycharm, intellij, intellij idea, webstorm, goland
    rider, clion, rustrover, xcode, zed, cursor, helix, nano, notepad++, atom, eclipse, netbeans
    android studio, kakoune, rstudio, windsurf, textmate"""
)
SYSTEMS = _names(
    """linux, windows, windows 10, windows 11, macos, mac os, mac, macbook, ubuntu, debian
    fedora, arch, arch linux, nixos, linux mint, mint, manjaro, pop!_os, opensuse, freebsd
    openbsd, chromeos, gentoo, void linux, endeavouros, elementary os, zorin os, rocky linux
    centos, alpine"""
)
PHONES = _names(
    """iphone, android, pixel, galaxy, samsung, fairphone
    ios, oneplus, xiaomi, nokia, huawei, motorola"""
)
BROWSERS = _names(
    """firefox, chrome, safari, edge, brave, opera, vivaldi, arc, chromium, librewolf, tor browser
    duckduckgo"""
)
NOTES = _names(
    """obsidian, notion, evernote, onenote, apple notes, bear, logseq, roam, roam research, joplin
    org mode, org-mode, google keep, simplenote, craft, standard notes, anytype, zettlr, tana
    capacities"""
)
SHELLS = _names("""bash shell, zsh, fish, fish shell, nushell, powershell, xonsh""")
OTHER_TOOLS = _names(
    """react, vue, svelte, angular, django, flask, fastapi, rails, laravel, spring, next.js, nuxt
    node, node.js, deno, bun, kubernetes, docker, podman, terraform, ansible, nix, aws, azure, gcp
    google cloud, heroku, vercel, netlify, fly.io, hetzner, digitalocean, postgres, postgresql
    mysql, sqlite, mongodb, redis, kafka, supabase, firebase, git, github, gitlab, bitbucket, jira
    linear, trello, asana, slack, teams, microsoft teams, discord, signal, telegram, whatsapp
    zoom, gmail, proton, protonmail, outlook, fastmail, excel, google sheets, figma, sketch
    photoshop, affinity, gimp, lightroom, spotify, tidal, apple music, wordpress, ghost, hugo
    jekyll, tailwind, pytorch, tensorflow, jax, pandas, polars, spark, airflow, dbt, snowflake
    bigquery, chatgpt, claude, gemini, copilot, ollama, homebrew, pnpm, yarn, npm, uv, poetry
    cargo, bazel, webpack, vite, graphql, wayland, i3, sway"""
)

TOOL_KINDS: dict[str, frozenset[str]] = {
    "language": PROGRAMMING_LANGUAGES,
    "editor": EDITORS,
    "os": SYSTEMS,
    "phone": PHONES,
    "browser": BROWSERS,
    "notes": NOTES,
    "shell": SHELLS,
}
"""Tools of which a person mostly has one at a time, by kind."""
TOOL_KIND_OF = {name: kind for kind, names in TOOL_KINDS.items() for name in sorted(names)}
TOOLS = frozenset(TOOL_KIND_OF) | OTHER_TOOLS

NATURAL_LANGUAGES = _names(
    """english, british english, american english, french, german, spanish, portuguese
    brazilian portuguese, european portuguese, italian, dutch, russian, ukrainian, polish, czech
    slovak, hungarian, romanian, bulgarian, greek, turkish, arabic, hebrew, persian, farsi, hindi
    urdu, bengali, tamil, telugu, chinese, mandarin, cantonese, simplified chinese
    traditional chinese, japanese, korean, vietnamese, thai, indonesian, malay, tagalog, swahili
    swedish, norwegian, danish, finnish, icelandic, estonian, latvian, lithuanian, catalan, basque
    galician, irish, welsh, croatian, serbian, slovenian, esperanto, latin"""
)

COUNTRIES = _names(
    """afghanistan, albania, algeria, argentina, armenia, australia, austria, azerbaijan, bahrain
    bangladesh, belarus, belgium, bolivia, bosnia, botswana, brazil, bulgaria, cambodia, cameroon
    canada, chile, china, colombia, costa rica, croatia, cuba, cyprus, czechia, the czech republic
    denmark, ecuador, egypt, el salvador, england, estonia, ethiopia, finland, france, georgia
    germany, ghana, greece, guatemala, honduras, hungary, iceland, india, indonesia, iran, iraq
    ireland, israel, italy, jamaica, japan, jordan, kazakhstan, kenya, kosovo, kuwait, latvia
    lebanon, libya, lithuania, luxembourg, malaysia, malta, mexico, moldova, mongolia, montenegro
    morocco, mozambique, myanmar, nepal, new zealand, nicaragua, nigeria, north macedonia, norway
    oman, pakistan, panama, paraguay, peru, the philippines, philippines, poland, portugal, qatar
    romania, russia, rwanda, saudi arabia, scotland, senegal, serbia, singapore, slovakia
    slovenia, south africa, south korea, korea, spain, sri lanka, sudan, sweden, switzerland
    syria, taiwan, tanzania, thailand, the netherlands, netherlands, tunisia, turkey, türkiye
    uganda, ukraine, the united kingdom, united kingdom, the uk, uk, the united states
    united states, the us, us, usa, the usa, america, uruguay, uzbekistan, venezuela, vietnam
    wales, yemen, zambia, zimbabwe, europe, asia, africa, south america, north america, the eu"""
)
"""A city and its country do not contradict each other, so countries are a matter of their own."""

OCCUPATIONS = _names(
    """accountant, actor, actuary, administrator, analyst, architect, artist, assistant, attorney
    author, baker, barista, bartender, biologist, bookkeeper, builder, carpenter, chef, chemist
    clerk, coach, consultant, cook, copywriter, dentist, designer, developer, director, doctor
    driver, economist, editor, electrician, engineer, farmer, filmmaker, firefighter, founder
    gardener, geologist, hairdresser, historian, illustrator, instructor, interpreter, journalist
    judge, lawyer, lead, lecturer, librarian, manager, mathematician, mechanic, midwife, musician
    nurse, officer, optician, paralegal, paramedic, pharmacist, photographer, physicist
    physiotherapist, pilot, plumber, producer, professor, programmer, psychologist, realtor
    receptionist, recruiter, researcher, salesman, salesperson, scientist, secretary, statistician
    strategist, supervisor, surgeon, surveyor, teacher, technician, technologist, therapist
    translator, tutor, vet, veterinarian, waiter, waitress, welder, writer, cto, ceo, cfo, coo
    intern, apprentice, postdoc, sre, freelancer"""
)

HOMES = {
    **dict.fromkeys(("flat", "apartment", "condo", "maisonette"), "flat"),
    **dict.fromkeys(("house", "cottage", "bungalow", "townhouse"), "house"),
    **dict.fromkeys(("home", "place"), ""),
}
"""Words for what one lives in, by what may be the same."""

NO_PLACE = _names(
    """fear, peace, denial, town, hope, constant, student, shared, pain, isolation, poverty, hell
    debt, luxury, a, an, the, my, our, this, that, one, two, it, there, here, city, countryside
    suburbs, product, marketing, sales, engineering, management, finance, hr, data, operations
    design, part, full, freelance, remote, i, someone, contract, contracting, nights, days, bed, phase, step
    version, plan, nextcloud"""
)
"""Words after 'live in' or 'moved to' that name no place."""
