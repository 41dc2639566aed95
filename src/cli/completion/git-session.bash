# Completion of "git session" and "git-session" for bash.
#
# Put it where bash-completion looks for a command's file, as completions/git-session: git's own
# completion loads it when "git session <TAB>" is typed, and calls _git_session.

__git_session_answer () {
	local index=$1 IFS=$'\013'
	shift
	COMPREPLY=( $(_CLAP_IFS="$IFS" _CLAP_COMPLETE_INDEX="$index" \
		_CLAP_COMPLETE_COMP_TYPE="${COMP_TYPE:-9}" _CLAP_COMPLETE_SPACE=true \
		GIT_SESSION_COMPLETE=bash git-session -- "$@" 2>/dev/null) )
}

# Called by git's completion, which has set words, cword and __git_cmd_idx.
_git_session () {
	local at=${__git_cmd_idx:-1}
	__git_session_answer "$((cword - at))" git-session "${words[@]:at+1}"
}

_git_session_alone () {
	__git_session_answer "$COMP_CWORD" "${COMP_WORDS[@]}"
}

complete -o bashdefault -o default -o nospace -F _git_session_alone git-session
