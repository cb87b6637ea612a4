from earshot.cli.commands import main

main()
