nonsense;
more_nonsense;
