// Command poterne guards a register of people: it stands between partner
// organisations' staff and the applications that show people's files, lets out
// those whom an account has a reason to see, counts the others, and writes each
// disclosure down before it happens.
//
// It exits with 0 when it did what was asked, 1 when the answer is no, and 2
// when it was not asked properly.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	_ "time/tzdata" // pages tell the time of Paris, wherever they run

	"github.com/alecthomas/kong"

	"poterne/internal/app"
	"poterne/internal/typed"
)

// commands is the command line.
type commands struct {
	Demo      demoCommand       `cmd:"" help:"Show the whole product, with an invented town inside."`
	Serve     serveCommand      `cmd:"" help:"Guard the applications that a configuration declares."`
	Reload    reloadCommand     `cmd:"" help:"Have the node of this machine read its configuration anew, and say whether it did."`
	Reopen    reopenCommand     `cmd:"" help:"Have the node of this machine open its access log anew, after it was rotated."`
	Config    configCommands    `cmd:"" help:"Print an example configuration, or check one."`
	Doctor    doctorCommand     `cmd:"" help:"Look at what the program needs around it, say what is wrong, and change nothing."`
	Init      initCommand       `cmd:"" help:"Write keys, a configuration and a roster for a first application, after a few questions."`
	Learn     learnCommand      `cmd:"" help:"Draft the declaration of what was refused because nobody declared it."`
	Keys      keysCommands      `cmd:"" help:"Make the keys that a configuration needs."`
	Migrate   migrateCommand    `cmd:"" help:"Make the database's tables, or bring them up to date."`
	Backup    backupCommand     `cmd:"" help:"Copy an SQLite database while it is written."`
	Roster    rosterCommands    `cmd:"" help:"Take in organisations, accounts and habilitations."`
	Facts     factsCommands     `cmd:"" help:"Take in what other systems say about people."`
	Aliases   aliasesCommands   `cmd:"" help:"Take in which identifiers of other systems lead to whom."`
	Canaries  canariesCommands  `cmd:"" help:"Plan, look for and print people who exist only for Poterne."`
	Ledger    ledgerCommands    `cmd:"" help:"Read and verify what was written down."`
	Name      nameCommand       `cmd:"" help:"Lead pseudonyms back to people, by two persons."`
	Order     orderCommands     `cmd:"" help:"Freeze, suspend, close and reopen."`
	Retention retentionCommands `cmd:"" help:"Say how long the ledger is kept, hold months, and drop those past their term."`
	Audit     auditCommand      `cmd:"" help:"Hold the rows that give rights against the ledger."`
	ProveIt   proveCommand      `cmd:"" help:"Show on this machine that what is claimed holds, in a minute or two, without a network."`
	Replay    replayCommand     `cmd:"" help:"Replay attacks and honest days through the decision, and print what came of them."`
	Size      sizeCommand       `cmd:"" help:"Say what guarding so many accounts takes, from measured figures."`
	Tune      tuneCommand       `cmd:"" help:"Propose allowances and limits from an observed period."`
	Manual    manualCommand     `cmd:"" help:"Write the manual page, or the completion of a shell."`
	Version   versionCommand    `cmd:"" help:"Say which version this is."`

	Which kong.VersionFlag `name:"version" help:"Say which version this is."`
}

// streams is where a command reads and writes.
type streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// usageError is a request that was not put properly.
type usageError string

func (e usageError) Error() string { return string(e) }

func usage(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

func main() {
	// A second signal ends the program at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	log.SetFlags(0)
	log.SetOutput(app.KeptBack{Log: slog.New(slog.NewJSONHandler(os.Stderr, nil))})
	os.Exit(run(ctx, os.Args[1:], &streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run does one command and returns the exit code.
func run(ctx context.Context, args []string, to *streams) int {
	on := &streams{to.In, typed.NewPrinter(to.Out), typed.NewPrinter(to.Err)}
	exit := -1
	parser := kong.Must(&commands{}, kong.Name("poterne"),
		kong.Description("Poterne, the guarded side door of a register of people."),
		kong.Writers(on.Out, on.Err), kong.Exit(func(code int) { exit = code }),
		kong.Vars{"version": app.Version()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(on))
	asked, err := parser.Parse(args)
	switch {
	case exit >= 0: // help was printed
		return exit
	case err != nil:
		fmt.Fprintf(on.Err, "poterne: %v; %s --help says what can be asked\n", err, asking(err))
		return 2
	}
	err = asked.Run()
	if err == nil {
		return 0
	}
	fmt.Fprintf(on.Err, "poterne: %v\n", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	return 1
}

// asking is the command that was not put properly, as far as it is known.
func asking(err error) string {
	if wrong, is := errors.AsType[*kong.ParseError](err); is && wrong.Context.Selected() != nil {
		return wrong.Context.Selected().FullPath()
	}
	return "poterne"
}

// row writes one line of a table, whatever is in its cells.
func row(table io.Writer, cells ...any) {
	said := make([]string, len(cells))
	for i, cell := range cells {
		said[i] = typed.Printed(fmt.Sprint(cell))
	}
	fmt.Fprintln(table, strings.Join(said, "\t"))
}

// count says n of something.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

type versionCommand struct {
	Promises bool `help:"Say too what is promised, and how the tests of each promise went on this commit, as far as a release says it."`
}

// Run says which source the program was built from, and with which Go.
func (v versionCommand) Run(on *streams) error {
	fmt.Fprintln(on.Out, app.Version())
	if v.Promises {
		fmt.Fprint(on.Out, "\n", app.Promises)
	}
	return nil
}
