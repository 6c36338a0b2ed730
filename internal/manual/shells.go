package manual

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// choice is a word that may come next, and what it means.
type choice struct{ word, means string }

// next lists what may follow a command.
func (c command) next() (all []choice) {
	for _, child := range c.children {
		all = append(all, choice{child.Name, child.Help})
	}
	for _, p := range c.node.Positional {
		for _, word := range words(p.Enum) {
			all = append(all, choice{word, p.Help})
		}
	}
	for _, f := range c.flags {
		all = append(all, choice{"--" + f.Name, f.Help})
	}
	return all
}

// values lists what may follow a flag; nothing where it is not one of a few words.
func values(f *kong.Flag) (all []choice) {
	for _, word := range words(f.Enum) {
		all = append(all, choice{word, f.Help})
	}
	return all
}

func words(enum string) (all []string) {
	for word := range strings.SplitSeq(enum, ",") {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	return all
}

// quoted is a word for any of the shells.
func quoted(text string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(text, `\`, ""), "'", "’") + "'"
}

func list(choices []choice) string {
	var all []string
	for _, c := range choices {
		all = append(all, c.word)
	}
	return strings.Join(all, " ")
}

// walk writes, for bash and zsh, how the words before the one that is completed lead to
// a command: what is no command of it is an argument or an option.
func walk(b *strings.Builder, all []command) {
	b.WriteString("\t\tcase \"$at $word\" in\n")
	for _, c := range all[1:] {
		fmt.Fprintf(b, "\t\t%s) at=%s ;;\n", quoted(c.path), quoted(c.path))
	}
	b.WriteString("\t\tesac\n\tdone\n")
}

// each calls write for whatever can be completed: after a flag that takes one of a few
// words, and otherwise after a command.
func each(all []command, write func(at, flag string, choices []choice)) {
	for _, c := range all {
		for _, f := range c.flags {
			if v := values(f); len(v) > 0 {
				write(c.path, "--"+f.Name, v)
			}
		}
	}
	for _, c := range all {
		write(c.path, "", c.next())
	}
}

// after is the pattern of bash and zsh for the word after a flag of a command, or for any word of the command.
func after(at, flag string) string {
	if flag == "" {
		return quoted(at+":") + "*"
	}
	return quoted(at + ":" + flag)
}

func bash(out io.Writer, app *kong.Application) error {
	var b strings.Builder
	all := commands(app)
	fmt.Fprintf(&b, "# bash completion for %[1]s, written by %[1]s manual bash\n_%[1]s() {\n", app.Name)
	b.WriteString("\tlocal at='' word said='' i\n\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\tword=${COMP_WORDS[i]}\n")
	walk(&b, all)
	b.WriteString("\tcase \"$at:${COMP_WORDS[COMP_CWORD-1]}\" in\n")
	each(all, func(at, flag string, choices []choice) {
		fmt.Fprintf(&b, "\t%s) said=%s ;;\n", after(at, flag), quoted(list(choices)))
	})
	fmt.Fprintf(&b, "\tesac\n\tCOMPREPLY=($(compgen -W \"$said\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -o default -F _%[1]s %[1]s\n", app.Name)
	_, err := io.WriteString(out, b.String())
	return err
}

func zsh(out io.Writer, app *kong.Application) error {
	var b strings.Builder
	all := commands(app)
	described := func(choices []choice) string {
		var said []string
		for _, c := range choices {
			said = append(said, quoted(c.word+":"+strings.ReplaceAll(c.means, ":", " ")))
		}
		return strings.Join(said, " ")
	}
	fmt.Fprintf(&b, "#compdef %[1]s\n# zsh completion for %[1]s, written by %[1]s manual zsh\n_%[1]s() {\n", app.Name)
	b.WriteString("\tlocal at='' word i\n\tlocal -a said\n\tfor ((i = 2; i < CURRENT; i++)); do\n\t\tword=${words[i]}\n")
	walk(&b, all)
	b.WriteString("\tcase \"$at:${words[CURRENT-1]}\" in\n")
	each(all, func(at, flag string, choices []choice) {
		fmt.Fprintf(&b, "\t%s) said=(%s) ;;\n", after(at, flag), described(choices))
	})
	fmt.Fprintf(&b, "\tesac\n\t_describe %[1]s said || _files\n}\nif [[ ${funcstack[1]} == _%[1]s ]]; then\n\t_%[1]s \"$@\"\nelse\n\tcompdef _%[1]s %[1]s\nfi\n", app.Name)
	_, err := io.WriteString(out, b.String())
	return err
}

func fish(out io.Writer, app *kong.Application) error {
	var b strings.Builder
	all := commands(app)
	fmt.Fprintf(&b, "# fish completion for %[1]s, written by %[1]s manual fish\nfunction __%[1]s_at\n\tset -l at ''\n\tfor word in (commandline -opc)[2..-1]\n\t\tswitch \"$at $word\"\n\t\tcase", app.Name)
	for _, c := range all[1:] {
		fmt.Fprintf(&b, " %s", quoted(c.path))
	}
	b.WriteString("\n\t\t\tset at \"$at $word\"\n\t\tend\n\tend\n\ttest \"$at\" = \"$argv[1]\"\nend\n")
	for _, c := range all {
		when := fmt.Sprintf(`"__%s_at %s"`, app.Name, quoted(c.path))
		for _, choice := range c.next() {
			if !strings.HasPrefix(choice.word, "--") {
				fmt.Fprintf(&b, "complete -c %s -n %s -a %s -d %s\n", app.Name, when, quoted(choice.word), quoted(choice.means))
			}
		}
		for _, f := range c.flags {
			takes := ""
			if v := values(f); len(v) > 0 {
				takes = " -x -a " + quoted(list(v))
			} else if !f.IsBool() {
				takes = " -r"
			}
			fmt.Fprintf(&b, "complete -c %s -n %s -l %s%s -d %s\n", app.Name, when, f.Name, takes, quoted(f.Help))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}
