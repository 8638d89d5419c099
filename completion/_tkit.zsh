#compdef tkit
# SPDX-License-Identifier: MIT
# zsh completion for tkit; the tables are made from its help texts.

#@TABLES@

# Names of the plugins of a kind, or of all.
(( $+functions[_tkit_names] )) || _tkit_names() {
	local kind name rest
	_call_program plugins $_tkit_program plugin list 2>/dev/null | while read -r kind name rest; do
		[[ $kind == KIND || ( -n $1 && $kind != $1 ) ]] || print -r -- $name
	done
}

# NAME,KEY=VALUE,KEY=VALUE
(( $+functions[_tkit_spec] )) || _tkit_spec() {
	local kind=$1 name key line
	local -a names keys
	if [[ $PREFIX != *,* ]]; then
		names=(${(f)"$(_tkit_names $kind)"})
		[[ $kind == backend ]] && names+=(auto)
		compadd -S '' -- $names
		return
	fi
	name=${PREFIX%%,*}
	compset -P '*,'
	while IFS= read -r line; do
		if [[ $line =~ '^  ([a-z0-9-]+)=[A-Z]+$' ]]; then
			key=$match[1]
			keys+=($key)
		elif [[ $PREFIX == "$key="* && $line =~ '^ +one of: (.*)' ]]; then
			compset -P '*='
			compadd -- ${(s:|:)match[1]}
			return
		fi
	done < <(_call_program options $_tkit_program plugin show $kind/$name 2>/dev/null)
	compadd -S = -- $keys
}

(( $+functions[_tkit_plugins] )) || _tkit_plugins() {
	if [[ $words[(r)show] == show ]]; then
		compadd -- ${(fu)"$(_tkit_names)"}
	else
		_files -g '*.so'
	fi
}

local curcontext=$curcontext state line ret=1
local _tkit_program=$words[1]
typeset -A opt_args

_arguments -C $_tkit_global '1:command:->command' '*::argument:->argument' && ret=0
case $state in
command)
	_describe -t commands command _tkit_commands && ret=0
	;;
argument)
	local table=_tkit_of_${words[1]//-/_}
	(( ${(P)+table} )) && _arguments -s -S ${(P)table} && ret=0
	;;
esac
return ret
