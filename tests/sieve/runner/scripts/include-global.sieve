require "include";
include :global "site";
