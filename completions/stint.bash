# SPDX-License-Identifier: Apache-2.0
# Made from src/cli/verbs.h by man/update; change it there.
_stint()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local verb='' i options='' words='' files=''
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--ledger | --config) ((i++)) ;;
		-*) ;;
		*)
			verb=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	case $prev in
	--state)
		mapfile -t COMPREPLY < <(compgen -W 'waiting running done skipped retry in_doubt dead' -- "$cur")
		return
		;;
	--by)
		mapfile -t COMPREPLY < <(compgen -W 'hour instance position error person' -- "$cur")
		return
		;;
	--format)
		mapfile -t COMPREPLY < <(compgen -W 'text json csv' -- "$cur")
		return
		;;
	--from)
		mapfile -t COMPREPLY < <(compgen -W 'csv fixed files inbox json jsonl postgres sqlite stdin xml' -- "$cur")
		return
		;;
	--date)
		mapfile -t COMPREPLY < <(compgen -W 'today yesterday' -- "$cur")
		return
		;;
	--since)
		mapfile -t COMPREPLY < <(compgen -W 'today yesterday' -- "$cur")
		return
		;;
	--config | --source | --to)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	case $verb in
	init)
		options='--dry-run --from'
		files=-f
		;;
	check)
		options=''
		files=-f
		;;
	explain)
		options=''
		files=-f
		;;
	schema)
		options=''
		;;
	drill)
		options='--param --step'
		files=-f
		;;
	run)
		options='--dry-run --date --slot --param --again --source --first --with-new-file --ignore-window'
		files=-f
		;;
	work)
		options='--dry-run --stay'
		;;
	status)
		options=''
		;;
	why)
		options=''
		;;
	runs)
		options='--count --compare'
		;;
	report)
		options='--since --by --format'
		;;
	forecast)
		options='--items'
		;;
	items)
		options='--run --state --person --error --where'
		;;
	attempts)
		options=''
		;;
	logs)
		options='--follow'
		;;
	rejects)
		options='--format'
		;;
	retry)
		options='--dry-run --yes --run --state --person --error --where --now --why'
		;;
	resolve)
		options='--dry-run --yes --run --state --person --error --where --done --retry --skip --why'
		;;
	skip)
		options='--dry-run --yes --run --state --person --error --where --why'
		;;
	stop)
		options='--dry-run --yes --now --why --job --all'
		;;
	abandon)
		options='--dry-run --yes --why'
		;;
	add)
		options='--dry-run --key'
		;;
	instances)
		options=''
		;;
	generate)
		options='--dry-run --to'
		;;
	ledger)
		options='--dry-run --yes --target'
		words='init upgrade verify info restored'
		;;
	version)
		options=''
		;;
	help)
		options=''
		;;
	'')
		words='init check explain schema drill run work status why runs report forecast items attempts logs rejects retry resolve skip stop abandon add instances generate ledger version help'
		;;
	esac
	if [[ $cur == -* ]]; then
		words="$options --help --version --quiet --verbose --json --no-progress --config --ledger --volatile"
		files=''
	fi
	mapfile -t COMPREPLY < <(compgen $files -W "$words" -- "$cur")
}
complete -o filenames -F _stint stint
