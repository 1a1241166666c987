require "encoded-character"; if header "subject" "${Unicode:DF01}" { discard; }
