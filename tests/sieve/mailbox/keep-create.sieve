require "mailbox"; keep :create;
