from earshot_client.cli.commands import main

main()
