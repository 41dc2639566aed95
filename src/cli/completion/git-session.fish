# Completion of "git session" and "git-session" for fish. Put it into ~/.config/fish/conf.d.

function __git_session_answer
    set -l typed (commandline --current-process --tokenize --cut-at-cursor)
    set -l rest
    if test "$typed[1]" = git-session
        set rest $typed[2..-1]
    else
        set -l at (contains -i -- session $typed)
        or return
        if test (count $typed) -gt $at
            set rest $typed[(math $at + 1)..-1]
        end
    end
    GIT_SESSION_COMPLETE=fish git-session -- git-session $rest (commandline --current-token)
end

complete -c git -n '__fish_seen_subcommand_from session' --keep-order --exclusive --arguments '(__git_session_answer)'
complete -c git -n __fish_use_subcommand -a session -d 'Track sessions of work in git'
complete -c git-session --keep-order --exclusive --arguments '(__git_session_answer)'
