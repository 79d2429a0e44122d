mod life_cycle;
mod nodes;
mod seal;
