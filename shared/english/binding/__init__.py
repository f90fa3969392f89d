"""Binding: what is written of a person says no more than the person's own words that it names.

A model proposes; nothing that it claims is believed. One mechanism holds what it says to what it cites, for
facts (`services.extractor.grounding`) and for lines of MEMORY and sections (`shared.models.claude`):

- `own` tells what of a message is the person's own, and whether a quote is a clause of it;
- `bound` compares a statement with its ground, by rules that are one function each;
- `reading` cuts a text into what is compared: words, numbers, links;
- `orders` tells what is said to an assistant from what is said of a person;
- `vocabulary` is the closed list of words that may be added: with them alone nothing can be ordered or named.

Why each rule is as it is stands in docs/adr/0047-bound-to-the-persons-words.md.
"""
