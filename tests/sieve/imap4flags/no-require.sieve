addflag "\\Seen"; if hasflag "x" { keep :flags "y"; }
