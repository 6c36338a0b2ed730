// Package manual writes what a package installs beside a command: its manual page, and
// the completion of three shells, all from the model by which the command itself is
// parsed and says its help. What a command can be asked stands in one place.
package manual

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// Forms are what can be written of a command.
var Forms = map[string]func(io.Writer, *kong.Application) error{"man": man, "bash": bash, "zsh": zsh, "fish": fish}

// command is one that can be asked for, by the words that lead to it.
type command struct {
	path     string // " ledger verify"; empty for the program
	node     *kong.Node
	children []*kong.Node
	flags    []*kong.Flag
}

// commands lists the program and all its commands, in the order of its help.
func commands(app *kong.Application) (all []command) {
	var list func(path string, node *kong.Node)
	list = func(path string, node *kong.Node) {
		c := command{path: path, node: node}
		for _, group := range node.AllFlags(true) {
			c.flags = append(c.flags, group...)
		}
		for _, child := range node.Children {
			if child.Type == kong.CommandNode && !child.Hidden {
				c.children = append(c.children, child)
			}
		}
		all = append(all, c)
		for _, child := range c.children {
			list(path+" "+child.Name, child)
		}
	}
	list("", app.Node)
	return all
}

// asked reports whether a command can be asked for by itself.
func (c command) asked() bool { return len(c.children) == 0 }

// roff is text as man takes it: nothing in it is an instruction.
var roff = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n.", "\n\\&.", "\n'", "\n\\&'")

func said(text string) string {
	written := roff.Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		return `\&` + written
	}
	return written
}

// man writes one manual page of all commands.
func man(out io.Writer, app *kong.Application) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"%s\" \"\"\n", strings.ToUpper(app.Name), app.Name)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", app.Name, said(strings.TrimSuffix(app.Help, ".")))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n.I command\n[\\fIoption\\fR ...] [\\fIargument\\fR ...]\n", app.Name)
	b.WriteString(".SH DESCRIPTION\nIts commands are below, each with its options. Options stand anywhere after their command.\n")
	b.WriteString(".SH COMMANDS\n")
	for _, c := range commands(app) {
		if !c.asked() {
			continue
		}
		fmt.Fprintf(&b, ".SS %s\n%s\n", said(strings.TrimSpace(app.Name+" "+summary(c.node))), said(c.node.Help))
		if c.node.Detail != "" {
			fmt.Fprintf(&b, ".PP\n%s\n", said(c.node.Detail))
		}
		for _, p := range c.node.Positional {
			fmt.Fprintf(&b, ".TP\n%s\n%s\n", said(p.Summary()), said(p.Help))
		}
		for _, f := range c.flags {
			if f.Name != "help" && f.Name != "version" {
				fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", said(f.String()), said(f.Help+oneOf(f)))
			}
		}
	}
	b.WriteString(".SH OPTIONS\n.TP\n.B \\-h, \\-\\-help\nSay what can be asked, of the program or of a command.\n.TP\n.B \\-\\-version\nSay which version this is.\n")
	b.WriteString(".SH EXIT STATUS\n0 when it did what was asked, 1 when the answer is no, 2 when it was not asked properly.\n")
	b.WriteString(".SH SEE ALSO\n.BR poterne.toml (5),\n.BR poterne\\-verify (1)\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// summary is how a command is asked, without what every command takes.
func summary(node *kong.Node) string {
	text := strings.TrimPrefix(node.Path(), " ")
	for _, p := range node.Positional {
		text += " " + p.Summary()
	}
	for _, f := range node.Flags {
		if f.Required && !f.Hidden {
			text += " " + f.String()
		}
	}
	return text + " [options]"
}

func oneOf(f *kong.Flag) string {
	if f.Enum == "" {
		return ""
	}
	return " One of " + strings.Join(f.EnumSlice(), ", ") + "."
}

// Literal writes a text as the manual page of a file: its comments are its manual.
func Literal(out io.Writer, name, says, text string) error {
	_, err := fmt.Fprintf(out, ".TH %s 5 \"\" poterne \"\"\n.SH NAME\n%s \\- %s\n.SH DESCRIPTION\nEvery key, with what it says and an example of it.\n.PP\n.nf\n%s\n.fi\n.SH SEE ALSO\n.BR poterne (1)\n",
		strings.ToUpper(name), said(name), said(says), said(strings.TrimSpace(text)))
	return err
}
