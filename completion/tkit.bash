# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2046,SC2206 # words of words
# bash completion for tkit; the tables are made from its help texts.
#@TABLES@

# The words of the line up to the cursor, put together again where bash cuts at = and :
_tkit_words() {
	local i word
	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((i > 1)) && [[ $word == [=:]* || ${words[-1]} == *[=:] ]]; then
			words[-1]+=$word
		else
			words+=("$word")
		fi
	done
}

# Candidates for $cur; what stands before its last = or : is bash's own.
_tkit_offer() { # WORD...
	local cut=
	[[ $cur != *[=:]* || $COMP_WORDBREAKS != *=* ]] || cut=${cur%"${cur##*[=:]}"}
	local IFS=$'\n'
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
	COMPREPLY=("${COMPREPLY[@]#"$cut"}")
	[[ ${COMPREPLY[0]-} != *[=,] ]] || compopt -o nospace 2>/dev/null
}

_tkit_files() { # [-d]
	local value=$cur
	[[ $cur != --*=* ]] || value=${cur#*=}
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "${1:--f}" -- "$value")
}

_tkit_plugins() { # KIND: names of its plugins
	local kind name rest
	while read -r kind name rest; do
		[[ $kind != "$1" ]] || printf '%s\n' "$name"
	done < <("${words[0]}" plugin list 2>/dev/null)
}

# The options of a plugin: PREFIX, KEY, and = where it needs a value; with KEY its values.
_tkit_plugin_options() { # KIND/NAME PREFIX [KEY]
	local line key=
	while IFS= read -r line; do
		if [[ $line =~ ^'  '([a-z0-9-]+)=([A-Z]+)$ ]]; then
			key=${BASH_REMATCH[1]}
			[[ -n ${3-} ]] || printf '%s%s=\n' "$2" "$key"
		elif [[ -n ${3-} && $key == "$3" && $line =~ ^' '+'one of: '(.*) ]]; then
			for line in ${BASH_REMATCH[1]//|/ }; do printf '%s%s=%s\n' "$2" "$key" "$line"; done
		fi
	done < <("${words[0]}" plugin show "$1" 2>/dev/null)
}

# NAME,KEY=VALUE,KEY=VALUE
_tkit_spec() { # KIND
	local value=$cur start name last
	start=
	[[ $cur != --*=* ]] || start=${cur%%=*}= value=${cur#*=}
	if [[ $value != *,* ]]; then
		mapfile -t names < <(_tkit_plugins "$1")
		[[ $1 != backend ]] || names+=(auto)
		_tkit_offer "${names[@]/#/$start}"
		return
	fi
	name=${value%%,*} last=${value##*,}
	if [[ $last == *=* ]]; then
		mapfile -t names < <(_tkit_plugin_options "$1/$name" "$start${value%"$last"}" "${last%%=*}")
	else
		mapfile -t names < <(_tkit_plugin_options "$1/$name" "$start${value%"$last"}")
	fi
	_tkit_offer "${names[@]}"
}

_tkit_argument() { # KIND
	case $1 in
	file) _tkit_files ;;
	dir) _tkit_files -d ;;
	pid) names=(/proc/[0-9]*) && _tkit_values "${names[@]#/proc/}" ;;
	backend | sink | reporter) _tkit_spec "$1" ;;
	=*) _tkit_values ${1#=} ;;
	esac
}

_tkit_values() { # WORD...: behind --option= or alone
	if [[ $cur == --*=* ]]; then
		_tkit_offer "${@/#/${cur%%=*}=}"
	else
		_tkit_offer "$@"
	fi
}

# The reporters of the line; deps if there is none.
_tkit_reporters() {
	local i found=
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		-r | --reporter) printf '%s\n' "${words[i + 1]%%,*}" && found=1 ;;
		--reporter=*) name=${words[i]#*=} && printf '%s\n' "${name%%,*}" && found=1 ;;
		esac
	done
	[[ -n $found ]] || printf 'deps\n'
}

_tkit_reporter_options() {
	local name
	for name in $(_tkit_reporters); do
		if [[ $cur == --*=* ]]; then
			name=$(_tkit_plugin_options "reporter/$name" -- "$(cut -d= -f1 <<<"${cur#--}")")
		else
			name=$(_tkit_plugin_options "reporter/$name" --)
		fi
		printf '%s\n' "$name"
	done
}

_tkit_rest() {
	case ${_tkit_rest[$command]} in
	trace | file | command) _tkit_files ;;
	none) ;;
	plugin)
		if [[ " ${words[*]} " == *" show "* ]]; then
			_tkit_offer $(_tkit_plugins backend) $(_tkit_plugins sink) $(_tkit_plugins reporter)
		else
			_tkit_files
		fi
		;;
	*) _tkit_offer ${_tkit_rest[$command]} ;;
	esac
}

_tkit() {
	local words cur prev command='' names=() i first=0
	_tkit_words
	cur=${words[-1]} prev=${words[-2]}
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		[[ ${words[i]} == -* ]] || { command=${words[i]} first=$i; break; }
	done
	if [[ -z $command ]]; then
		_tkit_offer $_tkit_commands ${_tkit_options[-]}
		return
	fi
	[[ -n ${_tkit_options[$command]-} ]] || return
	for ((i = first + 1; i < ${#words[@]} - 1; i++)); do
		[[ ${words[i]} == -- ]] || continue
		if [[ ${_tkit_rest[$command]} == command && $i -eq $((${#words[@]} - 2)) ]]; then
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		else
			_tkit_files
		fi
		return
	done
	if [[ $prev == -* && -n ${_tkit_arguments[$command $prev]-} && $prev != *=* ]]; then
		_tkit_argument "${_tkit_arguments[$command $prev]}"
	elif [[ $cur == --*=* && -n ${_tkit_arguments[$command ${cur%%=*}]-} ]]; then
		_tkit_argument "${_tkit_arguments[$command ${cur%%=*}]}"
	elif [[ $cur == -* ]]; then
		names=(${_tkit_options[$command]})
		[[ $command != report ]] || mapfile -t -O ${#names[@]} names < <(_tkit_reporter_options)
		_tkit_offer "${names[@]}"
	elif [[ -n ${_tkit_subcommands[$command]-} && $first -eq $((${#words[@]} - 2)) ]]; then
		_tkit_offer ${_tkit_subcommands[$command]}
	elif [[ ${_tkit_rest[$command]} == command ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	else
		_tkit_rest
	fi
}
complete -F _tkit tkit
