"""The completion scripts of bash, zsh and fish, written from the commands as data.

The scripts hold everything they offer, so Tab starts no Python and answers at once. All three follow the
same steps: read the words from the left to find the command (putting the default verb in where none is
named), look up whether the last option wants a value, then offer values, options, or verbs and files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from string import Template

from vision_cli.housekeeping.completions.command_tree import ArgumentNode, CommandNode, OptionNode

_BASH = Template("""\
# Completions of vcli for bash, written by `vcli completions write`.
# Use them in this shell with: source vcli.bash

_vcli_facts() {
    verbs='' default='' options='' arguments=''
    case "$$1" in
$facts
    esac
}

_vcli_value() {
    kind=none choices=''
    case "$$1 $$2" in
$values
    esac
}

_vcli() {
    local current="$${COMP_WORDS[COMP_CWORD]}" node='' word i place=0 last turns IFS=$$'\\n'
    local verbs default options arguments kind=none choices
    COMPREPLY=()
    _vcli_facts ''
    for (( i = 1; i < COMP_CWORD; i++ )); do
        word="$${COMP_WORDS[i]}"
        if [ "$$kind" != none ]; then
            # Bash splits --out=DIR into three words.
            [ "$$word" = '=' ] || kind=none
        elif [ "$${word#-}" != "$$word" ]; then
            if [ -n "$$default" ]; then node="$$node $$default"; _vcli_facts "$$node"; fi
            _vcli_value "$$node" "$$word"
        elif [[ $$'\\n'"$$verbs"$$'\\n' == *$$'\\n'"$$word"$$'\\n'* ]]; then
            node="$${node:+$$node }$$word"; _vcli_facts "$$node"
        else
            if [ -n "$$default" ]; then node="$$node $$default"; _vcli_facts "$$node"; fi
            place=$$(( place + 1 ))
        fi
    done
    [ "$$current" = '=' ] && current=''
    if [ "$$kind" = none ]; then
        [ -z "$$default" ] || { word="$$verbs"; _vcli_facts "$$node $$default"; verbs="$$word"; }
        if [ "$${current#-}" != "$$current" ]; then
            COMPREPLY=( $$(compgen -W "$$options" -- "$$current") )
            return
        fi
        COMPREPLY=( $$(compgen -W "$$verbs" -- "$$current") )
        # The argument whose turn it is; one that ends with ... may stand there again and again.
        turns=( $$arguments ) last=$$(( $${#turns[@]} - 1 ))
        kind="$${turns[place]-}"
        if [ -z "$$kind" ] && [ $$last -ge 0 ]; then
            case "$${turns[last]}" in *...) kind="$${turns[last]}" ;; esac
        fi
        kind="$${kind%...}"
        choices="$${kind#choice }" kind="$${kind%% *}"
        choices="$${choices// /$$'\\n'}"
    fi
    case "$$kind" in
    choice) COMPREPLY+=( $$(compgen -W "$$choices" -- "$$current") ) ;;
    file) COMPREPLY+=( $$(compgen -f -- "$$current") ); compopt -o filenames 2>/dev/null ;;
    directory) COMPREPLY+=( $$(compgen -d -- "$$current") ); compopt -o filenames 2>/dev/null ;;
    esac
}

complete -F _vcli vcli
""")

_ZSH = Template("""\
#compdef vcli
# Completions of vcli for zsh, written by `vcli completions write`.
# Use them in this shell with: source vcli.zsh; or put the file as _vcli into a directory of $$fpath.

_vcli_facts() {
    verbs=() default='' options=() arguments=()
    case "$$1" in
$facts
    esac
}

_vcli_value() {
    kind=none choices=()
    case "$$1 $$2" in
$values
    esac
}

_vcli() {
    local node='' word kind=none default argument i place=1
    local -a verbs options choices arguments group_verbs
    _vcli_facts ''
    for (( i = 2; i < CURRENT; i++ )); do
        word=$${words[i]}
        if [[ $$kind != none ]]; then
            kind=none
        elif [[ $$word == -* ]]; then
            [[ -n $$default ]] && { node="$$node $$default"; _vcli_facts "$$node" }
            [[ $$word == *=* ]] || _vcli_value "$$node" "$$word"
        elif (( $${verbs[(I)$$word:*]} )); then
            node="$${node:+$$node }$$word"; _vcli_facts "$$node"
        else
            [[ -n $$default ]] && { node="$$node $$default"; _vcli_facts "$$node" }
            (( place++ ))
        fi
    done
    if [[ $$kind == none && -n $$default ]]; then
        group_verbs=("$${verbs[@]}") node="$$node $$default"
        _vcli_facts "$$node"
        verbs=("$${group_verbs[@]}")
    fi
    if [[ $$kind == none && $$PREFIX == --*=* ]]; then
        _vcli_value "$$node" "$${PREFIX%%=*}"
        compset -P '*='
    fi
    case $$kind in
    choice) compadd -a choices ;;
    file) _files ;;
    directory) _files -/ ;;
    any) _message value ;;
    none)
        if [[ $$PREFIX == -* ]]; then
            _describe -o option options
        else
            (( $$#verbs )) && _describe command verbs
            # The argument whose turn it is; one that ends with ... may stand there again and again.
            argument=$${arguments[place]-}
            [[ -z $$argument && $${arguments[-1]-} == *... ]] && argument=$${arguments[-1]}
            argument=$${argument%...}
            case $$argument in
            'choice '*) choices=($${=argument#choice }); compadd -a choices ;;
            file) _files ;;
            directory) _files -/ ;;
            esac
        fi
        ;;
    esac
}

if [[ $${funcstack[1]} == _vcli ]]; then _vcli "$$@"; else compdef _vcli vcli; fi
""")

_FISH = Template("""\
# Completions of vcli for fish, written by `vcli completions write`.
# Use them in this shell with: source vcli.fish; or put the file into ~/.config/fish/completions.

function __vcli_node
    set -l node ''
    set -l place 0
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $$skip = yes
            set skip no
        else if string match -q -- '-*' $$word
            contains -- $$word $valued; and set skip yes
        else
            # A bar, as the wildcard of a default verb would take the verbs beside it for its words.
            switch "$$node|$$word"
$steps
                case '*'
                    set place (math $$place + 1)
            end
        end
    end
    echo $$node
    echo $$place
end

function __vcli_at
    contains -- (__vcli_node)[1] $$argv
end

function __vcli_argument
    set -l here (__vcli_node)
    test $$here[2] $$argv[1] $$argv[2]; and contains -- "$$here[1]" $$argv[3..]
end

complete -c vcli -f
$completions
""")


def _bash(nodes: Sequence[CommandNode]) -> str:
    facts = []
    for node in nodes:
        settings = {
            "verbs": _lines(word for word, _ in node.verbs),
            "default": _quoted(node.default_verb or ""),
            "options": _lines(name for option in node.options for name in option.names),
            "arguments": _lines(map(_written, node.arguments)),
        }
        facts.append(_case(_path(node), settings))
    return _BASH.substitute(facts="\n".join(facts), values=_value_cases(nodes, _lines))


def _zsh(nodes: Sequence[CommandNode]) -> str:
    facts = []
    for node in nodes:
        described = (f"{name}:{option.help}" for option in node.options for name in option.names)
        settings = {
            "verbs": _zsh_array(f"{word}:{line}" for word, line in node.verbs),
            "default": _quoted(node.default_verb or ""),
            "options": _zsh_array(described),
            "arguments": _zsh_array(map(_written, node.arguments)),
        }
        facts.append(_case(_path(node), settings))
    return _ZSH.substitute(facts="\n".join(facts), values=_value_cases(nodes, _zsh_array))


def _fish(nodes: Sequence[CommandNode]) -> str:
    valued = {name for _, option in _options(nodes) if option.kind != "none" for name in option.names}
    steps: list[str] = []
    completions: list[str] = []
    for node in nodes:
        path = _path(node)
        for word, _ in node.verbs:
            steps += [f"                case {_quoted(f'{path}|{word}')}", _fish_step(f"{path} {word}")]
        if node.default_verb:
            # Behind all verbs of the group, as the first case that fits is taken.
            steps += [
                f"                case {_quoted(f'{path}|*')}",
                _fish_step(f"{path} {node.default_verb}"),
                "                    set place 1",
            ]
    for node in nodes:
        completions += _fish_completions(node, nodes)
    return _FISH.substitute(valued=" ".join(sorted(valued)), steps="\n".join(steps), completions="\n".join(completions))


_WRITERS: Mapping[str, Callable[[Sequence[CommandNode]], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}

SHELLS = tuple(_WRITERS)
"""The shells that there are completions for."""


def script(shell: str, nodes: Sequence[CommandNode]) -> str:
    """Return the completion script of one of `SHELLS`.

    Parameters
    ----------
    shell
        A word of `SHELLS`.
    nodes
        The root and all commands below it, parents first.
    """
    return _WRITERS[shell](nodes)


def _options(nodes: Sequence[CommandNode]) -> Iterator[tuple[CommandNode, OptionNode]]:
    for node in nodes:
        for option in node.options:
            yield node, option


def _value_cases(nodes: Sequence[CommandNode], choices: Callable[[Sequence[str]], str]) -> str:
    cases = []
    for node, option in _options(nodes):
        if option.kind != "none":
            pattern = " | ".join(_quoted(f"{_path(node)} {name}") for name in option.names)
            words = f" choices={choices(option.choices)}" if option.choices else ""
            cases.append(f"    {pattern}) kind={option.kind}{words} ;;")
    return "\n".join(cases)


def _case(path: str, settings: Mapping[str, str]) -> str:
    given = " ".join(f"{name}={value}" for name, value in settings.items() if value not in {"''", "()"})
    return f"    {_quoted(path)}) {given} ;;"


def _fish_step(path: str) -> str:
    return f"                    set node {_quoted(path.strip())}"


def _fish_completions(node: CommandNode, nodes: Sequence[CommandNode]) -> Iterator[str]:
    # At a group with a default verb, what that verb takes is offered too.
    places = [_path(node), *(_path(group) for group in nodes if _is_default_of(node, group))]
    quoted = " ".join(_quoted(place) for place in places)
    here = f'complete -c vcli -n "__vcli_at {quoted}"'
    for word, line in node.verbs:
        yield f"{here} -a {_quoted(word)} -d {_quoted(line)}"
    for option in node.options:
        names = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names)
        value = {
            "none": "",
            "any": " -x",
            "file": " -r -F",
            "directory": " -x -a '(__fish_complete_directories)'",
            "choice": f" -x -a {_quoted(' '.join(option.choices))}",
        }[option.kind]
        yield f"{here} {names}{value} -d {_quoted(option.help)}"
    for number, argument in enumerate(node.arguments):
        offer = {
            "file": "-F",
            "directory": "-a '(__fish_complete_directories)'",
            "choice": f"-a {_quoted(' '.join(argument.choices))}",
        }.get(argument.kind)
        if offer is not None:
            when = f"{'-ge' if argument.repeats else '-eq'} {number}"
            yield f'complete -c vcli -n "__vcli_argument {when} {quoted}" {offer}'


def _is_default_of(node: CommandNode, group: CommandNode) -> bool:
    return group.default_verb is not None and node.words == (*group.words, group.default_verb)


def _path(node: CommandNode) -> str:
    return " ".join(node.words)


def _written(argument: ArgumentNode) -> str:
    """Return an argument as bash and zsh read it: its kind, its choices behind it, ... where it may be repeated."""
    return " ".join((argument.kind, *argument.choices)) + ("..." if argument.repeats else "")


def _lines(words: Iterable[str]) -> str:
    """Return words for bash as one $'..' string with a word a line, as IFS is the newline there."""
    joined = "\\n".join(words)
    return f"$'{joined}'" if joined else "''"


def _zsh_array(words: Iterable[str]) -> str:
    return f"({' '.join(map(_quoted, words))})"


def _quoted(text: str) -> str:
    """Return text in single quotes; what the three shells would read differently in them is left out."""
    return "'" + text.replace("\\", "").replace("'", "") + "'"
